# SPDX-License-Identifier: MIT
# Fills cgc-compat(3) with the contracts of bdwgc's headers.
#
#   awk -v headers='gc.h ...' -f compat.awk cgc-compat.3.in    the page
#   awk -v list=1 -f compat.awk gc.h ...                       names, a line each
#
# In the page the line @CONTRACTS@ becomes a section for each header: its head
# comment, a subsection for each group of it, and in that the declarations with
# the comment that stands before them.  A comment that no declaration follows,
# or that a macro follows, is left out.


list && FNR == 1 { forget(); has_head = 0 }
list { take($0); next }
/^@CONTRACTS@$/ { contracts(); next }
{ print }

function contracts(    file, n, i, line) {
  n = split(headers, file, " ")
  for (i = 1; i <= n; i++) {
    begin(file[i])
    while ((getline line < file[i]) > 0)
      take(line)
    flush()
  }
}

function begin(file) {
  sub(/.*\//, "", file)
  print ".SH <gc/" file ">"
  has_head = 0
  forget()
}

function forget() {
  comment = declarations = ""
}

# Print the declarations and their comment, if there are both.
function flush() {
  if (comment != "" && declarations != "" && !list) {
    print ".PP\n.ad l\n.PD 0"
    printf "%s", declarations
    print ".PD\n.ad b\n.RS 4"
    printf "%s", prose(comment)
    print ".RE"
  }
  if (declarations != "")
    forget()
}

# Take in one line of a header.
function take(line) {
  if (line ~ /SPDX-License/)
    return
  if (line ~ /^\/\* ---- /) {
    flush()
    forget()
    group(line)
  } else if (in_comment) {
    take_comment(line)
  } else if (in_declaration) {
    take_declaration(line)
  } else if (line ~ /^\/\*/) {
    flush()
    forget()
    in_comment = 1
    sub(/^\/\*/, "  ", line)
    take_comment(line)
  } else if (line ~ /^(GC_API|typedef|struct|enum)/) {
    take_declaration(line)
  } else if (line == "") {
    flush()
    forget()
  }
}

function group(line) {
  sub(/^\/\* ---- /, "", line)
  sub(/ -*-* \*\/$/, "", line)
  if (!list)
    print ".SS " escaped(line)
}

# Without the stars that a line may begin with.
function take_comment(line) {
  in_comment = line !~ /\*\//
  sub(/ *\*\/.*/, "", line)
  sub(/^ \* ?|^   ?/, "", line)
  comment = comment line "\n"
  if (!in_comment && !has_head) {
    has_head = 1
    if (!list)
      print ".nf\n" escaped(comment) ".fi"
    forget()
  }
}

function take_declaration(line) {
  if (!in_declaration)
    is_type = line !~ /^GC_API/
  text = text line "\n"
  depth += gsub(/\{/, "{", line) - gsub(/\}/, "}", line)
  in_declaration = depth > 0 || line !~ /; *(\/\*.*\*\/)?$/
  if (in_declaration)
    return
  declarations = declarations (is_type ? type(text) : prototype(text))
  text = ""
}

function type(text) {
  return ".nf\n" escaped(text) ".fi\n"
}

function prototype(text) {
  gsub(/\n/, " ", text)
  gsub(/GC_API|GC_CALL(BACK)? ?|GC_ATTR_[A-Z_]+(\([0-9, ]+\))?/, "", text)
  gsub(/__attribute__\(\([a-z_]*\)\)/, "", text)
  gsub(/  +/, " ", text)
  gsub(/ ;/, ";", text)
  gsub(/\* GC_/, "*GC_", text)
  sub(/^ +/, "", text)
  sub(/ +$/, "", text)
  if (list)
    print name_in(text)
  return ".HP 4\n.B \"" escaped(text) "\"\n"
}

# Of a function the name before its parameters, of a variable the last one.
function name_in(text) {
  sub(/;.*/, "", text)
  if (match(text, /\(\*GC_[A-Za-z_0-9]+/))
    return substr(text, RSTART + 2, RLENGTH - 2)
  if (match(text, /GC_[A-Za-z_0-9]+\(/))
    return substr(text, RSTART, RLENGTH - 1)
  sub(/.*[ *]/, "", text)
  return text
}

# What is returned stands on a line of its own.
function prose(text) {
  text = escaped(text)
  gsub(/\n?returns  /, "\n.br\n.I returns\n", text)
  sub(/^\n/, "", text)
  gsub(/\n\n/, "\n.PP\n", text)
  gsub(/\n +/, "\n", text)
  return text
}

function escaped(string) {
  gsub(/\\/, "\\e", string)
  gsub(/-/, "\\-", string)
  gsub(/"/, "\\(dq", string)
  gsub(/'/, "\\(aq", string)
  gsub(/\n\./, "\n\\\\\\&&", string)
  sub(/^[.]/, "\\\\\\&&", string)
  return string
}
