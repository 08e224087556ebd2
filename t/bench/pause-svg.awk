# SPDX-License-Identifier: MIT
# How many operations took how long, as a picture: of each file NAME.histogram
# (lines "MICROSECONDS COUNT") a line, log over log, of the share of operations
# that took longer.  Run by pause.sh; -v mib=N is for the title.
function log10(v) { return log(v) / log(10) }
function x_of(us) { return LEFT + (log10(us) - X0) / (X1 - X0) * WIDTH }
function y_of(share) {
  return TOP + (0 - log10(share)) / (0 - Y1) * HEIGHT
}
function text(x, y, anchor, words) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
    x, y, anchor, words
}
function line(x1, y1, x2, y2, style) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n",
    x1, y1, x2, y2, style
}
function grid(   d, unit) {
  for (d = X0; d <= X1; d++) {
    line(x_of(10 ^ d), TOP, x_of(10 ^ d), TOP + HEIGHT, "stroke=\"#ccc\"")
    unit = d < 3 ? 10 ^ d " us" : d < 6 ? 10 ^ (d - 3) " ms" : 10 ^ (d - 6) " s"
    text(x_of(10 ^ d), TOP + HEIGHT + 16, "middle", unit)
  }
  for (d = 0; d >= Y1; d--) {
    line(LEFT, y_of(10 ^ d), LEFT + WIDTH, y_of(10 ^ d), "stroke=\"#ccc\"")
    text(LEFT - 6, y_of(10 ^ d) + 4, "end", d ? "1e" d : "1")
  }
}
function draw(i,   n, us, share, left, total, points) {
  for (us in count)
    if (index(us, i SUBSEP) == 1)
      key[++n] = substr(us, length(i SUBSEP) + 1) + 0
  for (us = 2; us <= n; us++)
    for (left = us; left > 1 && key[left - 1] > key[left]; left--) {
      share = key[left]; key[left] = key[left - 1]; key[left - 1] = share
    }
  for (us = 1; us <= n; us++)
    total += count[i, key[us]]
  left = total
  for (us = 1; us <= n; us++) {
    share = left / total
    left -= count[i, key[us]]
    if (key[us] >= 10 ^ X0)
      points = points sprintf("%.1f,%.1f %.1f,%.1f ", x_of(key[us]),
        y_of(share), x_of(key[us]), y_of(left > 0 ? left / total : 10 ^ Y1))
  }
  printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"%s\"/>\n",
    color[i % 8], points
  line(LEFT + WIDTH + 12, TOP + 18 * i, LEFT + WIDTH + 32, TOP + 18 * i,
    "stroke-width=\"3\" stroke=\"" color[i % 8] "\"")
  text(LEFT + WIDTH + 38, TOP + 18 * i + 4, "start", name[i])
}
BEGIN {
  CONVFMT = "%.9g"
  LEFT = 56; TOP = 40; WIDTH = 520; HEIGHT = 300
  X0 = 0; X1 = 7; Y1 = -9
  split("#d62728 #ff7f0e #9467bd #1f77b4 #2ca02c #17becf #8c564b", color, " ")
  color[0] = "#888"
}
FNR == 1 { name[n++] = substr(FILENAME, 1, length(FILENAME) - 10) }
{ count[n - 1, $1 + 0] += $2 }
END {
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" " \
    "height=\"390\" font-family=\"sans-serif\" font-size=\"12\">\n" \
    "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
  text(LEFT, 22, "start", "Share of operations that take longer, " mib " MiB live")
  grid()
  for (i = 0; i < n; i++)
    draw(i)
  print "</svg>"
}
