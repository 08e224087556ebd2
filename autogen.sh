#!/bin/sh
# Makes ./configure in a fresh checkout.
cd "$(dirname "$0")" || exit 1
mkdir -p m4 build-aux && exec autoreconf --install "$@"
