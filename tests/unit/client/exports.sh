#!/bin/sh
# libmyturn exports what its header declares, and nothing else: exports.sh LIBRARY HEADER
set -eu
exported=$(nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
declared=$(grep -o 'myturn_[a-z_]*(' "$2" | tr -d '(' | sort -u)
for name in $exported; do
    echo "$declared" | grep -qx "$name" || { echo "exported, but not in the header: $name"; exit 1; }
done
for name in $(grep MYTURN_API "$2" | grep -o 'myturn_[a-z_]*(' | tr -d '('); do
    echo "$exported" | grep -qx "$name" || { echo "in the header, but not exported: $name"; exit 1; }
done
echo "$(echo "$exported" | wc -l) names exported"
