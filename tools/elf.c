/* SPDX-License-Identifier: MIT */
/*
 * tools/elf.c - can LD_PRELOAD reach a program?
 *
 * The dynamic loader ignores LD_PRELOAD, or never sees it, without a word:
 * the program would run on its usual heap and nobody would know.  So the
 * file is looked at first.  What can't be read is let through: exec says the
 * rest.
 */
#include "tool.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
  INTERPRETERS_MAX = 4, /* as many scripts as Linux follows */
  LINE_MAX_BYTES = 256, /* BINPRM_BUF_SIZE: what Linux reads of a #! line */
};

static const char glibc_loader[] = "ld-linux-x86-64.so.2";

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Does the kernel raise the rights of what it executes from PATH at all? */
static bool may_gain_rights(const char *path) {
  struct statvfs fs;
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
    return false;
  return statvfs(path, &fs) != 0 || !(fs.f_flag & ST_NOSUID);
}

static bool gains_rights(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0 || !may_gain_rights(path))
    return false;
  if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
    return true;
  if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
    return true;
  return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Read the name of the loader that the program asks for; "" is none.
   returns  false for a file that can't be read to there */
static bool read_loader(int fd, const Elf64_Ehdr *h, char *name, size_t size) {
  Elf64_Phdr p;
  name[0] = '\0';
  for (int i = 0; i < h->e_phnum; i++) {
    off_t at = (off_t)(h->e_phoff + (Elf64_Off)i * sizeof p);
    if (pread(fd, &p, sizeof p, at) != (ssize_t)sizeof p)
      return false;
    if (p.p_type != PT_INTERP)
      continue;
    size_t n = cgc_min(p.p_filesz, size - 1);
    if (pread(fd, name, n, (off_t)p.p_offset) != (ssize_t)n)
      return false;
    name[n] = '\0';
    return true;
  }
  return true;
}

static int check_loader(const char *path, const char *loader) {
  if (strcmp(base_name(path), glibc_loader) == 0)
    return 0;
  if (loader[0] == '\0')
    return cgc_tool_error(CGC_EXIT_CANNOT,
                          "%s is linked statically, so no library can be put "
                          "before it; link it without -static",
                          path);
  if (strcmp(base_name(loader), glibc_loader) != 0)
    return cgc_tool_error(CGC_EXIT_CANNOT,
                          "%s is loaded by %s; only programs for glibc "
                          "(%s) can run on this heap",
                          path, loader, glibc_loader);
  return 0;
}

/* The kernel refuses it, and then execvp() gives it to the shell. */
static int broken(const char *path) {
  return cgc_tool_error(CGC_EXIT_CANNOT, "%s is no whole ELF file", path);
}

static int check_elf(int fd, const char *path, const unsigned char *ident) {
  char loader[LINE_MAX_BYTES];
  Elf64_Ehdr h;
  if (ident[EI_CLASS] != ELFCLASS64)
    return cgc_tool_error(CGC_EXIT_CANNOT,
                          "%s is a 32-bit program; this heap is for x86-64 "
                          "programs: rebuild it with -m64",
                          path);
  if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
    return broken(path);
  if (h.e_machine != EM_X86_64)
    return cgc_tool_error(CGC_EXIT_CANNOT,
                          "%s is for another processor (ELF machine %u); "
                          "this heap is for x86-64 programs",
                          path, h.e_machine);
  if (gains_rights(path))
    return cgc_tool_error(CGC_EXIT_CANNOT,
                          "%s runs with more rights than yours (setuid, "
                          "setgid or capabilities), and then the loader "
                          "ignores LD_PRELOAD; run it as its owner, or link "
                          "it with -lcgc-malloc",
                          path);
  if (h.e_phentsize != sizeof(Elf64_Phdr) ||
      !read_loader(fd, &h, loader, sizeof loader))
    return broken(path);
  return check_loader(path, loader);
}

bool cgc_elf_is_library(const char *path) {
  Elf64_Ehdr h;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool whole = fd >= 0 && read(fd, &h, sizeof h) == (ssize_t)sizeof h;
  if (fd >= 0)
    close(fd);
  return whole && memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 &&
         h.e_ident[EI_CLASS] == ELFCLASS64 && h.e_machine == EM_X86_64 &&
         h.e_type == ET_DYN;
}

/* Put the interpreter's path of a #! line into NAME. */
static bool read_interpreter(const char *line, char *name, size_t size) {
  const char *start = line + 2 + strspn(line + 2, " \t");
  size_t n = strcspn(start, " \t\n");
  if (strncmp(line, "#!", 2) != 0 || n == 0 || n >= size)
    return false;
  memcpy(name, start, n);
  name[n] = '\0';
  return true;
}

/* Read the first line of PATH and look at it; an interpreter's path goes into
   NEXT, "" when there is none. */
static int check_file(const char *path, char *next, size_t size) {
  char line[LINE_MAX_BYTES + 1];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int status = 0;
  ssize_t n;
  next[0] = '\0';
  if (fd < 0)
    return 0;
  n = read(fd, line, LINE_MAX_BYTES);
  line[n > 0 ? n : 0] = '\0';
  if (n > EI_NIDENT && memcmp(line, ELFMAG, SELFMAG) == 0)
    status = check_elf(fd, path, (const unsigned char *)line);
  else
    read_interpreter(line, next, size);
  close(fd);
  return status;
}

int cgc_elf_check(const char *path) {
  char here[LINE_MAX_BYTES], next[LINE_MAX_BYTES];
  int status = check_file(path, next, sizeof next);
  const char *script = path;
  for (int i = 0; status == 0 && next[0] && i < INTERPRETERS_MAX; i++) {
    memcpy(here, next, sizeof here);
    if (access(here, X_OK) != 0)
      return cgc_tool_error(
          errno == ENOENT ? CGC_EXIT_MISSING : CGC_EXIT_CANNOT,
          "%s: its interpreter %s: %s", script, here, strerror(errno));
    status = check_file(here, next, sizeof next);
  }
  return status;
}
