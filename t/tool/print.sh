#!/bin/sh
# cgc leak --print: raw reports become text, JSON lines, folded stacks and
# suppressions, and broken ones a clear error.
. "$(dirname "$0")/common.inc"
make_mkraw

# The text: groups by size, with stacks that have lines and inlined functions.
print 23 sample
says err '^880 B lost in 1 list head (24 B direct) + 19 objects below it$'
says err '^176 B lost in 1 list head (24 B direct) + 3 objects below it$'
says err '^105 B lost in 5 objects$'
says err '#0 new_node at .*/mkraw.c:[0-9]* (inlined)$'
says err '#1 make_list at .*/mkraw.c:[0-9]*$'
says err '#0 make_cycle at '
says err '^40 B held only by a stack that ends here in 1 object$'
says err '^48 B perhaps lost in 1 object$'
says_not err 'table+8'
says err '^lost  *1161 B in  *29 objects  no pointer'
says err '^4096 B alive in 16 objects, more at each of the last 5 checks$'
[ "$(tail -1 err)" = 'cgc: leak: 1161 bytes in 29 objects, 3 groups' ] ||
  fail 'the last line is not the summary'
[ "$(grep '^[0-9]* B .*lost in' err | sed 's/ .*//' | tr '\n' ' ')" = \
  '880 176 105 48 ' ] || fail 'groups are not sorted'
says_not err "$(printf '\033')"
[ ! -f raw ] || fail 'the raw report is left behind'

print 23 sample --reachable
says err '^64 B never freed in 2 objects, held by table+8 in mkraw$'
print 0 nothing
[ "$(cat err)" = 'cgc: leak: 0 bytes in 0 objects, 0 groups' ] ||
  fail 'more than the summary where nothing is lost'
print 7 sample --exit-code=7
print 0 sample --exit-code=0

# A later check tells what is new.
print 23 again
says err 'of which 100 B in 4 objects new$'
says_not err '^105 B lost'
says err '^\.\.\. and 2 known groups: 281 B in 9 objects (--full'
says err '(pid [0-9]*), check 2 (period)$'

# The environment is the library's way to pass options.
./mkraw sample > raw
CGC_LEAK=on:exit-code=5:signal=USR2:nonsense "$cgc" leak --print raw 2> err
[ $? = 5 ] || fail 'exit-code in CGC_LEAK is not heard'
./mkraw sample > raw
CGC_LEAK="on:report-to=$work/a\\:b-%p" "$cgc" leak --print raw 2> err
[ ! -s err ] && grep -q '^880 B lost' a:b-[0-9]* ||
  fail 'a colon in a file name, or %p'
./mkraw sample > raw
CGC_LEAK="on:raw=$work/kept" "$cgc" leak --print raw 2> err
[ ! -s err ] && ./mkraw sample | cmp -s -n 10 - kept || fail 'raw='

# Wrong frees: the stacks alone, since the library said what is wrong.
print 0 badfree
says err '^  freed here:$'
says err '^  the block of 32 B was allocated here:$'
says err '^  and freed the first time here:$'
says err '#0 read_line at .*mkraw.c'
says_not err 'cgc: leak'

# Suppressions: which rule ate how much.
cat > rules <<'END'
# of LeakSanitizer
leak:make_cyc
leak:never_called
{
   by its whole stack
   Memcheck:Leak
   match-leak-kinds: definite
   fun:malloc
   fun:read_*
   ...
   fun:main
}
END
print 23 sample --suppress rules
says err '^  *240 B in  *6 objects, 2 groups  leak:make_cyc (.*rules:2)$'
says err '^  *105 B in  *5 objects, 1 group  by its whole stack (.*rules:4)$'
says_not err 'never_called'
says err '^cgc: leak: 880 bytes in 20 objects, 1 group$'
printf 'leak:*mkraw.c$\n' > all
print 0 sample --suppress all
says err '^cgc: leak: 0 bytes in 0 objects, 0 groups$'

# What --gen-suppressions writes is ready to use.
print 23 sample --gen-suppressions
sed -n '/^# Suppressions/,/^$/p' err > made
[ "$(grep -c '^}' made)" = 3 ] || fail 'not three rules are made'
print 0 sample --suppress made
says err '1 group  880 B in 20 objects, new_node '

# Wrong rules are told before anything runs, with their line.
reject() {
  printf "$1" > wrong
  "$cgc" leak --suppress wrong true > out 2> err
  [ $? = 125 ] || fail "'$1' is taken as a rule"
  [ "$(wc -l < err)" = 1 ] || fail "'$1': not one line"
  says err "^cgc: wrong:$2"
}
reject 'leak:a\nrace:b\n' "2: 'race:b' is no rule; write leak:PATTERN"
reject 'leak:\n' '1: leak: lacks a pattern'
reject '\n{\n name\n cgc:leak\n fun:main\n' '2: the block that begins here'
reject '{\n name\n cgc:leak\n}\n' '4: a block has'
reject '{\n name\n cgc:leak\n main\n}\n' "4: 'main' is no frame"
reject '{\n name\n fun\n}\n' "3: 'fun' is no kind"
"$cgc" leak --suppress nowhere true 2> err
[ $? = 125 ] || fail 'a rule file that is not there'
says err '^cgc: suppressions nowhere: No such file'

# JSON lines: schema, order, and what is no UTF-8.
cp mkraw "$(printf 'mk \303\251\377"raw')" && mv mkraw mkraw.plain
ln -s "$(printf 'mk \303\251\377"raw')" mkraw
print 23 sample --reachable --json="$work/report.json"
rm mkraw && mv mkraw.plain mkraw
if command -v python3 > /dev/null; then
  python3 - report.json > out 2>&1 <<'END' || fail 'JSON lines'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8")]
kinds = [l["type"] for l in lines]
assert kinds[0] == "process" and kinds[-1] == "summary", kinds
assert lines[0]["program"].endswith('mk \u00e9\ufffd"raw'), lines[0]
groups = [l for l in lines if l["type"] == "group"]
assert [g["bytes"] for g in groups] == [880, 176, 105, 40, 48, 64], groups
first = groups[0]
assert first["class"] == "lost" and first["objects"] == 20
assert first["direct_bytes"] == 24 and first["direct_objects"] == 1
assert first["examples"] == ["0x7f0000001000"]
frame = first["stack"][0]
assert frame["function"] == "new_node" and frame["inlined"] is True
assert frame["file"].endswith("/mkraw.c") and frame["line"] > 0
assert frame["offset"].startswith("0x") and len(frame["build_id"]) == 40
assert groups[-1]["holder"].startswith("table+8 in mk")
assert lines[-1] == {"type": "summary", "bytes": 1161, "objects": 29, "groups": 3}
totals = {l["class"]: l["bytes"] for l in lines if l["type"] == "total"}
assert totals == {"lost": 1161, "stack-only": 40, "low-confidence": 48, "reachable": 64}
END
fi
print 23 sample --json
says err '^{"type":"summary","bytes":1161,"objects":29,"groups":3}$'
says_not err '^cgc'

# Folded stacks.
print 23 sample --folded=folded
says folded '^.*main;print_sample;make_list;new_node 880$'
[ "$(awk '{n += $NF} END {print n}' folded)" = 1161 ] || fail 'folded sum'

# What is no whole report.
broken() {
  "$cgc" leak --print broken > out 2> err
  [ $? = 125 ] || fail "$1: taken"
  [ "$(wc -l < err)" = 1 ] || fail "$1: not one line"
  says err "^cgc: broken:*$2"
  [ -f broken ] || fail "$1: removed"
}
./mkraw sample > whole
echo hello > broken
broken 'no report' ' not a raw report'
: > broken
broken 'empty' ' not a raw report'
echo 'cgc-leak 9' > broken
broken 'version' '1: the report is of another version'
sed '$d' whole > broken
broken 'cut at a line' '[0-9]*: the report is not complete'
head -c 700 whole > broken
broken 'cut in a line' '[0-9]*: '
sed 's/^group lost [0-9]*/group lost 77/' whole > broken
broken 'a stack that is not there' '[0-9]*: there is no such stack'
sed 's/^\(group lost [0-9]*\).*/\1 5/' whole > broken
broken 'fields are missing' '[0-9]*: a field is missing'
sed 's/^growth \([0-9]*\) 4096/growth \1 4k/' whole > broken
broken 'no number' '[0-9]*: a number is expected'
"$cgc" leak --print nowhere 2> err
[ $? = 125 ] || fail 'a report that is not there'
says err '^cgc: nowhere: No such file'

# A file that can't be written doesn't lose the report.
./mkraw sample > raw
CGC_LEAK=on:json=/nowhere/x "$cgc" leak --print raw 2> err
says err '^cgc: /nowhere/x: No such file'
says err '^cgc: leak: 1161 bytes'

# 100,000 groups: quickly, the largest alone, and all with --full.
print 23 'many 100000'
[ "$(grep -c 'lost in' err)" = 20 ] || fail 'the text of many groups is long'
says err '^\.\.\. and 99980 smaller groups: '
says err '^cgc: leak: 5000050000 bytes in 200000 objects, 100000 groups$'
print 23 'many 3000' --full
[ "$(grep -c ' lost in ' err)" = 3000 ] || fail '--full leaves groups out'

exit $failed
