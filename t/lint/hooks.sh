#!/bin/sh
# ARCHITECTURE.md has a line for each call that goes up, and for no other.
. "$(dirname "$0")/common.inc"

find libcgc -name '*.h' -exec grep -ho '\*) *(void)) cgc_[a-z_]*_hook\|(\*cgc_[a-z_]*_hook' {} + |
  grep -o 'cgc_.*' | sort > "$work/code"
sed -n 's/^| `\(cgc_[a-z_]*_hook\)` .*/\1/p' ARCHITECTURE.md | sort > "$work/page"
diff "$work/code" "$work/page" |
  sed -n 's/^< /not in ARCHITECTURE.md: /p; s/^> /not in the code: /p' \
    > "$work/complaints"
verdict "$work/complaints" 'Hooks:'
