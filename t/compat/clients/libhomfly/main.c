#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <homfly.h>
/* HOMFLY polynomial of torus knots T(p,q) given as braid closures
 * (s1..s(p-1))^q */
int main(void) {
  static const int P[][2] = {{2, 3}, {2, 25}, {3, 5},  {3, 16},
                             {4, 9}, {5, 6},  {5, 8},  {6, 7},
                             {7, 8}, {7, 13}, {8, 11}, {9, 10}};
  for (unsigned t = 0; t < sizeof P / sizeof *P; t++) {
    int p = P[t][0], q = P[t][1], nc = (p - 1) * q,
        *at = malloc(sizeof(int) * nc * 2), n = 0;
    char *buf = malloc(64 + nc * 40), *w = buf;
    /* walk the closure strand by strand, recording crossing visits */
    int *seq = malloc(sizeof(int) * nc * 4), len = 0;
    char *seen = calloc(p, 1);
    int comps = 0;
    char *body = malloc(nc * 40);
    char *bw = body;
    for (int s0 = 0; s0 < p; s0++)
      if (!seen[s0]) {
        int s = s0;
        int cnt = 0;
        char *save = bw;
        char tmp[1 << 16];
        char *tw = tmp;
        do {
          seen[s] = 1;
          for (int c = 0; c < nc; c++) {
            int g = c % (p - 1);
            if (s == g) {
              tw += sprintf(tw, " %d 1", c);
              cnt++;
              s = g + 1;
            } else if (s == g + 1) {
              tw += sprintf(tw, " %d -1", c);
              cnt++;
              s = g;
            }
          }
        } while (s != s0);
        bw += sprintf(bw, " %d%s", cnt, tmp);
        comps++;
      }
    w += sprintf(w, "%d%s", comps, body);
    for (int c = 0; c < nc; c++)
      w += sprintf(w, " %d 1", c);
    char *r = homfly_str(buf);
    printf("T(%d,%d): %s\n", p, q, r ? r : "(null)");
    free(at);
    free(buf);
    free(seq);
    free(seen);
    free(body);
  }
  return 0;
}
