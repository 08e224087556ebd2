# SPDX-License-Identifier: MIT
# Fills a page of section 3 with the contracts of its group in cgc.h.
#
#   awk -v header=cgc.h -f group.awk cgc-weak.3.in    the page
#   awk -v list=1 -f group.awk cgc.h                  lines: function page
#
# In the page, a line "@NAMES@ TEXT" becomes the functions' names and the text,
# a line @SYNOPSIS@ the group's types and prototypes, and a line @CONTRACTS@ a
# subsection for each function.

BEGIN {
  page["Start"] = "cgc-start.3"
  page["Allocate"] = "cgc-allocate.3"
  page["Ask about a pointer"] = "cgc-pointer.3"
  page["Collect"] = "cgc-collect.3"
  page["Out of memory and warnings"] = "cgc-memory.3"
  page["Finalizers"] = "cgc-finalizer.3"
  page["Weak links"] = "cgc-weak.3"
  page["Roots"] = "cgc-roots.3"
  page["Threads"] = "cgc-threads.3"
  page["Tune"] = "cgc-tune.3"
  page["Observe"] = "cgc-observe.3"
  if (!list)
    while ((getline line < header) > 0)
      take(line)
}

list { take($0); next }

/^@NAMES@ / { print names(own_page()) substr($0, 8); next }
/^@SYNOPSIS@$/ { synopsis(own_page()); next }
/^@CONTRACTS@$/ { contracts(own_page()); next }
{ print }

END {
  if (list)
    for (i = 1; i <= functions; i++)
      print name[i], place[i]
}

function own_page(    file) {
  file = FILENAME
  sub(/.*\//, "", file)
  sub(/\.in$/, "", file)
  return file
}

# Take in one line of the header.
function take(line) {
  if (line ~ /^\/\* ---- /) {
    sub(/^\/\* ---- /, "", line)
    sub(/ -*-* \*\/$/, "", line)
    group = page[line]
    if (!group) {
      print "group.awk: no page for the group: " line > "/dev/stderr"
      exit 1
    }
  } else if (line == "/**") {
    comment = ""
    in_comment = 1
  } else if (in_comment) {
    if (line ~ /^ \*\//)
      in_comment = 0
    else
      comment = comment substr(line, 4) "\n"
  } else if (group && (in_type || line ~ /^(typedef|struct|enum) /)) {
    take_type(line)
  } else if (in_function || line ~ /^GC_API/) {
    take_function(line)
  }
}

function take_type(line) {
  types[group] = types[group] line "\n"
  in_type = line !~ /^\};$/ && (in_type || line ~ /\{$/ || line !~ /;$/)
}

function take_function(line) {
  prototype = prototype " " line
  in_function = line !~ /;$/
  if (in_function)
    return
  gsub(/GC_API|GC_ATTR_[A-Z_]+(\([0-9, ]+\))?/, "", prototype)
  gsub(/  +/, " ", prototype)
  sub(/^ +/, "", prototype)
  functions++
  match(prototype, /GC_[a-z_0-9]+\(/)
  name[functions] = substr(prototype, RSTART, RLENGTH - 1)
  text[functions] = comment
  proto[functions] = prototype
  place[functions] = group
  prototype = ""
}

function escaped(string) {
  gsub(/\\/, "\\e", string)
  gsub(/-/, "\\-", string)
  sub(/^[.']/, "\\\\\\&&", string)
  return string
}

function names(file,    i, all) {
  for (i = 1; i <= functions; i++)
    if (place[i] == file)
      all = all (all ? ", " : "") name[i]
  return all
}

function synopsis(file,    i) {
  print ".nf"
  print ".B #include <cgc.h>"
  print ".PP"
  if (types[file])
    print escaped(types[file]) ".PP"
  print ".fi\n.ad l\n.PD 0"
  for (i = 1; i <= functions; i++)
    if (place[i] == file)
      print ".HP 4\n.B \"" escaped(proto[i]) "\""
  print ".PD\n.ad b"
}

function contracts(file,    i) {
  for (i = 1; i <= functions; i++)
    if (place[i] == file)
      contract(name[i], text[i])
}

# A label stands before the ninth column, its text from there on.
function contract(title, body,    lines, n, i, labelled) {
  print ".SS " title "()"
  n = split(body, lines, "\n")
  for (i = 1; i < n; i++) {
    if (match(lines[i], /^[a-z_]+  +/) && RLENGTH == 9) {
      print (labelled ? ".TP" : ".PD 0\n.PP\n.TP") " 10"
      print ".I " substr(lines[i], 1, index(lines[i], " ") - 1)
      print escaped(substr(lines[i], 10))
      labelled = 1
    } else {
      sub(/^ +/, "", lines[i])
      print escaped(lines[i])
    }
  }
  print ".PD"
}
