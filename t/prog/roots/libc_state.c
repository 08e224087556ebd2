/* SPDX-License-Identifier: MIT */
/* Place: state that libc keeps for the program: locales, message catalogues,
 * conversions, compiled patterns, directory streams, static results.
 * Arises: libc allocates it by malloc and holds it in its data and TLS.
 */
#include "chain.h"
#include <ctype.h>
#include <dirent.h>
#include <iconv.h>
#include <libintl.h>
#include <locale.h>
#include <pwd.h>
#include <regex.h>
#include <time.h>

static regex_t pattern;
static iconv_t conversion;

CHAIN_FN void keep(void) {
  locale_t l = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
  setlocale(LC_ALL, "C.UTF-8");
  if (l)
    uselocale(l);
  bindtextdomain("victim-domain", "/no/such/directory/for/messages");
  textdomain("victim-domain");
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  tzset();
  getpwuid(getuid());
  conversion = iconv_open("UTF-16LE", "UTF-8");
  if (regcomp(&pattern, "^(a+b*|c[d-f]+)*x{2,5}$", REG_EXTENDED))
    chain_die("regcomp");
}

static int check(void) {
  int nwrong = 0;
  char in[] = "h\303\251", out[16], *ip = in, *op = out;
  size_t nin = 3, nout = sizeof out;
  struct tm tm = {.tm_year = 126, .tm_mon = 6, .tm_mday = 1, .tm_isdst = -1};
  nwrong += !isalpha('a') || toupper('b') != 'B';
  nwrong += strcmp(bindtextdomain("victim-domain", NULL),
                   "/no/such/directory/for/messages") != 0;
  nwrong += strcmp(textdomain(NULL), "victim-domain") != 0;
  nwrong += strcmp(gettext("text"), "text") != 0;
  nwrong += regexec(&pattern, "aabbcdefxxx", 0, NULL, 0) != 0;
  nwrong += regexec(&pattern, "aabbcdefx", 0, NULL, 0) == 0;
  if (conversion != (iconv_t)-1)
    nwrong += iconv(conversion, &ip, &nin, &op, &nout) != 0 || op - out != 4;
  nwrong += mktime(&tm) == -1 || strcmp(tzname[1], "CEST") != 0;
  nwrong += strcmp(setlocale(LC_CTYPE, NULL), "C.UTF-8") != 0;
  return nwrong;
}

int main(void) {
  DIR *dir = opendir("/");
  int nwrong = 0;
  keep();
  chain_scrub();
  for (int i = 0; i < 2; i++) {
    chain_garbage();
    int now = check();
    if (now)
      printf("lost: %d answers of libc are wrong\n", now);
    nwrong += now;
  }
  nwrong += !readdir(dir) || closedir(dir);
  return chain_verdict(nwrong);
}
