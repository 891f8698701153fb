#!/bin/sh
# Cuts the two fonts of crates/likely-report/assets out of the full DejaVu Sans 2.37.
#
# Needs fonttools (pip install fonttools) and the full fonts (Debian package fonts-dejavu-core).
# Usage: scripts/subset_fonts.sh [folder with DejaVuSans.ttf and DejaVuSans-Bold.ttf]
set -eu
from=${1:-/usr/share/fonts/truetype/dejavu}
to=$(dirname "$0")/../crates/likely-report/assets
# Latin, Greek, dashes and daggers, sub- and superscripts, blackboard letters, arrows, mathematics, plotting marks.
kept=U+0020-007E,U+00A0-017F,U+0370-03FF,U+2010-2022,U+2026,U+2030-2033,U+2070-209F,U+2102,U+2115,U+211D,U+2124
kept=$kept,U+2190-2195,U+2200-222B,U+2245,U+2248,U+2260-2265,U+226A,U+226B,U+22C5,U+25A0-25CF,U+2713,U+2717
for name in DejaVuSans DejaVuSans-Bold; do
    pyftsubset "$from/$name.ttf" --unicodes="$kept" --no-hinting --desubroutinize --legacy-kern \
        --layout-features=kern,mark,mkmk --name-IDs='*' --notdef-outline --output-file="$to/$name.subset.ttf"
done
