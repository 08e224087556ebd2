#!/bin/sh
# The page of --html in a real browser: its scripts run, show the groups, and
# complain of nothing.
. "$(dirname "$0")/common.inc"
for name in chromium chromium-browser google-chrome; do
  browser=$(command -v $name) && break
done
[ -n "${browser-}" ] || {
  echo 'SKIP: no chromium'
  exit 77
}
make_mkraw

# dom PAGE: the page as it stands when its scripts have run.
dom() {
  HOME=$work timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu \
    --disable-dev-shm-usage --user-data-dir="$work/profile" \
    --virtual-time-budget=5000 --enable-logging=stderr --v=0 \
    --dump-dom "file://$work/$1" > out 2> err || fail "the browser fails at $1"
  says_not err 'CONSOLE.*rror'
}

count() { grep -o -- "$1" out | wc -l; }

print 23 sample --reachable --html=page.html --suppress /dev/null
says_not page.html 'https*://'
dom page.html
says out '<title>Leaks of mkraw</title>'
says out '<b>1,161 B</b>lost'
says out '880 B lost in 1 list head (24 B direct) + 19 objects below it'
[ "$(count '<details class="group"')" = 6 ] || fail 'not six groups'
[ "$(count '<button type="button" title=')" -ge 7 ] || fail 'no flame graph'
says out 'held by table+8 in mkraw'
says out '<td>lost</td><td class="number">1,161</td>'
# The first group is open, and has its source.
says out '<details class="group" open="">'
says out '<span class="here"><i>[0-9]*</i>.*RETURN(stack_here());'

# What is lost stands before what is held, however large.
./mkraw sample | sed 's/^\(group reachable [0-9]* 2\) 64 /\1 99999 /' > held.raw
"$cgc" leak --reachable --html=held.html --print held.raw 2> /dev/null
dom held.html
says out '99,999'
sed 's/<details class="group"/\n&/g' out | grep '^<details class="group"' |
  sed -n 1p > first
says first '880 B lost'

# A name that is HTML stays a name.
sed 's/^process \([0-9]*\) .*/process \1 <\/script><img%20src=x%20onerror=1>/' \
  > odd.raw <<END
$(./mkraw sample)
END
"$cgc" leak --html=odd.html --print odd.raw 2> /dev/null
dom odd.html
says_not out '<img'
says out '&lt;/script&gt;&lt;img'

print 0 nothing --html=nothing.html
dom nothing.html
says out 'Nothing was lost'

# Many groups: a page of bearable size that says what it leaves out.
print 23 'many 20000' --html=many.html
[ "$(wc -c < many.html)" -lt 3000000 ] || fail 'the page of many groups is huge'
dom many.html
says out 'and 19,000 smaller groups'
exit $failed
