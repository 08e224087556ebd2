# Words counted, texts cut and joined, tables sorted, by gawk.
. "$(dirname "$0")/../../programs/common.inc"
need gawk
cat > g.awk <<'X'
function tree(d,   k) {
  k = ++id; if (d) { left[k] = tree(d - 1); right[k] = tree(d - 1) } return k
}
BEGIN {
  for (i = 0; i < 300000; i++) {
    x = (x * 1103515245 + 12345) % 2147483648
    word = sprintf("w%x", int(x / 65536) % 4096)
    count[word]++; where[word] = i % 50 ? where[word] " " i : i
  }
  n = asorti(count, sorted); print n, sorted[1], count[sorted[n]]
  for (i = 1; i <= n; i++) {
    parts = split(where[sorted[i]], part, " "); total += parts
    text = text substr(sorted[i], 2); gsub(/[0-9]+/, "<&>", sorted[i])
  }
  print total, length(text), sorted[7]
  print tree(16), length(left)
  for (i = 0; i < 20000; i++) line = line i ","
  print gsub(/(1|2)3/, "x", line), length(line)
}
X
$RUN gawk -f g.awk
