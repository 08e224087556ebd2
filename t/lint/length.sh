#!/bin/sh
# No C file over 600 lines, no function over 60.
. "$(dirname "$0")/common.inc"

# A line for each exception: FILE or FILE:FUNCTION, then the reason.
exceptions='
libcgc/compat/include/gc/gc.h  as cgc.h: the whole contract
libcgc/include/cgc.h  the whole contract in one file is what a reader wants
'

measure() {
  c_files | while read -r file; do
    awk -v file="$file" '
      /^[a-zA-Z_]/ && !/;$/ && !/^extern "C"/ && !/^(struct|enum|union|typedef)[^(]*\{$/ {
        if (!start) { start = FNR; head = "" }
      }
      start && !body { head = head " " $0; if (/;$/) start = 0 }
      start && /\{$/ { body = 1 }
      /^\}/ {
        if (start && /^\}$/ && FNR - start + 1 > 60) {
          sub(/\(.*/, "", head); sub(/.*[ *]/, "", head)
          printf "%s:%s %d lines\n", file, head, FNR - start + 1
        }
        start = body = 0
      }
      END { if (FNR > 600) printf "%s %d lines\n", file, FNR }' "$file"
  done
}

printf '%s' "$exceptions" | awk 'NF {print $1 " "}' > "$work/excepted"
measure > "$work/long"
grep -vF -f "$work/excepted" "$work/long" > "$work/complaints"
verdict "$work/complaints" 'Too long (files 600 lines, functions 60):'
