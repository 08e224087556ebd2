#!/bin/sh
# Every function of cgc.h has its contract in the one form (a sentence, then
# returns, errors, threads, pauses) and is exported by both libraries, which
# export no other GC_ function; every page passes through groff in silence,
# and names that pages refer to are pages.
. "$(dirname "$0")/common.inc"

header=libcgc/include/cgc.h

# Each line: function, and the labels of the comment before it.
contracts() {
  awk '
    /^\/\*\*$/ { labels = ""; text = 0; inside = 1; next }
    inside && /^ \*\// { inside = 0; next }
    inside && /^ \* (returns|errors|threads|pauses) / {
      labels = labels " " $2
      next
    }
    inside { text++; next }
    /^GC_API/ { declaration = ""; open = 1 }
    open { declaration = declaration " " $0 }
    open && /;$/ {
      open = 0
      match(declaration, /GC_[a-z_0-9]+\(/)
      print substr(declaration, RSTART, RLENGTH - 1) \
            (text ? "" : " no-sentence") labels
      labels = ""; text = 0
    }' "$header"
}

check_contracts() {
  contracts > "$work/contracts"
  grep -v '^GC_[a-z_0-9]* returns errors threads pauses$' "$work/contracts" |
    sed 's/^\([^ ]*\).*/cgc.h: the contract of \1 is not in the one form/'
}

check_exports() {
  awk '{print $1}' "$work/contracts" | sort > "$work/declared"
  for list in t/lint/*.exports; do
    grep '^GC_' "$list" | sort > "$work/listed"
    comm -23 "$work/declared" "$work/listed" |
      sed "s|^|declared in cgc.h, but not in $list: |"
    comm -13 "$work/declared" "$work/listed" |
      sed "s|^|in $list, but not in cgc.h: |"
  done
}

# Hand-written pages stand in man/, those made from cgc.h in the build.
pages() { ls man/*.[137] "$top_builddir"/man/*.3 2>/dev/null; }

check_pages() {
  for page in $(pages); do
    if command -v groff > /dev/null 2>&1; then
      groff -man -Tutf8 -ww -z "$page" 2>&1
    fi
    grep -o '\(cgc\|libcgc\)[a-z-]* *([1-9])' "$page" | tr -d ' ' |
      sed 's/(\(.\))/.\1/'
    sed -n 's/^\.BR \(l*i*b*cgc[a-z-]*\) (\([1-9]\)).*/\1.\2/p' "$page"
  done > "$work/found"
  grep -v '^l*i*b*cgc[a-z-]*\.[1-9]$' "$work/found"
  pages | sed 's|.*/||' > "$work/names"
  grep '^l*i*b*cgc[a-z-]*\.[1-9]$' "$work/found" | sort -u |
    grep -vxF -f "$work/names" | sed 's/^/no such page: /'
}

need_build
{
  check_contracts
  check_exports
  check_pages
} > "$work/complaints"
verdict "$work/complaints" 'Contracts and pages:'
