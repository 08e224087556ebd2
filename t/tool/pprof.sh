#!/bin/sh
# The profile of --pprof is what go tool pprof reads.
. "$(dirname "$0")/common.inc"
command -v go > /dev/null || {
  echo 'SKIP: no go'
  exit 77
}
export HOME="$work"
make_mkraw
print 23 sample --pprof=leak.pb.gz
gzip -t leak.pb.gz || fail 'not a gzip file'
# The program is not needed any more.
mv mkraw moved

go tool pprof -top leak.pb.gz > out 2> err || fail 'pprof -top'
says out '^Type: leaked_space$'
says out ' 880B .* new_node (inline)$'
says out ' 176B .* make_cycle$'
says out ' 105B .* read_line$'
go tool pprof -top -sample_index=leaked_objects leak.pb.gz > out 2> err ||
  fail 'pprof -sample_index'
says out ' 20 .* new_node'
go tool pprof -raw leak.pb.gz > out 2> err || fail 'pprof -raw'
says out '^leaked_objects/count leaked_space/bytes\[dflt\] direct_objects/count'
says out '^ *20  *880  *1  *24: '
says out 'mkraw.*\[FN\]\[FL\]\[LN\]\[IN\]'
says out ' make_list .*mkraw.c:[0-9]'
[ "$(go tool pprof -raw leak.pb.gz 2> err |
  awk '/^Samples/ {on = 1} /^Locations/ {on = 0}
       on && /^ *[0-9]/ {n += $2} END {print n}')" = 1161 ] ||
  fail 'the samples do not sum up'
go tool pprof -peek make_list leak.pb.gz > out 2> err || fail 'pprof -peek'
cp leak.pb.gz base.pb.gz
go tool pprof -top -base base.pb.gz leak.pb.gz > out 2> err ||
  fail 'pprof -base'
says out '^Showing nodes accounting for 0'

mv moved mkraw
print 23 'many 20000' --pprof=many.pb.gz
go tool pprof -top many.pb.gz > out 2> err || fail 'a profile of more than 64 KiB'
exit $failed
