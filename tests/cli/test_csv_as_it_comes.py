"""Tables of text as people have them: each is read as it was meant, or refused in one true sentence."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import mixtura
from commands import call, fails, succeeds
from mixtura.cli import rows as rows_of_files
from mixtura.cli.rows import Beside, rows_to_fit
from mixtura.errors import SourceError
from mixtura.sources import text as csv_reading
from mixtura.sources.text import Dialect

pytestmark = pytest.mark.filterwarnings("error")

X = [[1.5, 2.0], [3.0, 5.0], [-4.25, 400.0]]
LINES = ["1.5,2", "3,5", "-4.25,4e2"]
PLAIN = "a,b\n" + "\n".join(LINES) + "\n"


def separated(sign, decimal="."):
    return PLAIN.replace(".", "p").replace(",", sign).replace("p", decimal)


#: What is in the file, and how a user says what it is where its beginning does not show it.
READ = {
    "commas": (PLAIN, {}),
    "no end of the last line": (PLAIN.rstrip(), {}),
    "carriage returns": (PLAIN.replace("\n", "\r\n"), {}),
    "carriage returns alone": (PLAIN.replace("\n", "\r"), {}),
    "tabs": (separated("\t"), {}),
    "bars": (separated("|"), {}),
    "semicolons": (separated(";"), {}),
    "semicolons and decimal commas": (separated(";", ","), {"decimal": ","}),
    "tabs and decimal commas": (separated("\t", ","), {"decimal": ","}),
    "another delimiter": (separated(":"), {"delimiter": ":"}),
    "blanks after delimiters": (PLAIN.replace(",", ", "), {}),
    "a blank": (separated(" "), {}),
    "runs of blanks": ("  a    b \n 1.5  2\n  3   5  \n-4.25\t 4e2\n", {}),
    "blanks and decimal commas": (separated("  ", ","), {"decimal": ","}),
    "comments above": ("# measured in May\n# a, b: lengths\n\n" + PLAIN, {}),
    "comments everywhere": (
        PLAIN.replace("\n3", "\n# 2, 2\n  # none\n3") + "# end",
        {"comment": "#"},
    ),
    "other comments": ("% by hand\n" + PLAIN.replace("\n3", "\n% again\n3"), {"comment": "%"}),
    "lines before": ("Report of May\n\nby,hand,all\n" + PLAIN, {"skip": 3}),
    "lines and comments before": ("Report\n# of May\n" + PLAIN, {"skip": 1}),
    "names as numpy writes them": ("# first\n# a b\n" + "\n".join(LINES).replace(",", " "), {}),
    "blank lines": (PLAIN.replace("\n", "\n\n"), {}),
    "quotes": ('"a","b"\n"1.5","2"\n"3","5"\n"-4.25","4e2"\n', {}),
    "row names as R's write.csv": ('"","a","b"\n"x 1",1.5,2\n"x 2",3,5\n"x 3",-4.25,400\n', {}),
    "row names as R's write.table": ('"a" "b"\n"x 1" 1.5 2\n"x 2" 3 5\n"x 3" -4.25 400\n', {}),
    "an index as pandas'": (",a,b\n0,1.5,2\n1,3,5\n2,-4.25,400\n", {}),
    "a mark of UTF-8": (codecs.BOM_UTF8 + PLAIN.encode(), {}),
    "UTF-16": (PLAIN.encode("utf-16"), {}),
    "UTF-16 of the other kind": (codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), {}),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "Latin-1": ("# étés\n".encode("latin-1") + PLAIN.encode(), {"encoding": "latin-1"}),
    "compressed": (gzip.compress(PLAIN.encode()), {}),
    "compressed UTF-16": (gzip.compress(PLAIN.encode("utf-16")), {}),
    "a line of 100,000 characters": (f"# {'-' * 100_000}\n" + PLAIN, {}),
}


def write(folder, content, name="data.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def shell_options(how):
    return [word for name, value in how.items() for word in (f"--{name}", str(value))]


def read_by_the_shell(path, **how):
    dialect = {name: value for name, value in how.items() if name != "drop_missing"}
    reading = rows_of_files.Reading(Dialect(**dialect), how.get("drop_missing", False))
    return rows_to_fit([str(path)], None, Beside(), None, reading)


def scanned(path, **how):
    """All rows of a source, with their names."""
    source = mixtura.scan(path, **how)
    rows = [rows.X for rows, _ in source.tables(())]
    return source.feature_names, np.concatenate(rows)


@pytest.mark.parametrize("kind", READ)
def test_a_table_is_read_as_it_was_meant(kind, tmp_path):
    content, how = READ[kind]
    path = write(tmp_path, content)
    whole = read_by_the_shell(path, **how)
    assert whole.names == ("a", "b")
    assert_array_equal(whole.data, X)
    names, rows = scanned(path, **how)
    assert names == ("a", "b")
    assert_array_equal(rows, X)
    assert whole.has_row_names == ("row names" in kind or "index" in kind)


@pytest.mark.parametrize(
    "kind", ["tabs", "comments everywhere", "UTF-16", "blanks and decimal commas"]
)
def test_a_table_that_is_longer_than_a_block(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_reading, "_BLOCK", 1 << 10)
    rows = np.round(np.random.default_rng(0).normal(size=(2_000, 2)), 3)
    text = "a,b\n" + "\n".join(f"{a},{b}" for a, b in rows.tolist())
    content = {
        "tabs": text.replace(",", "\t"),
        "comments everywhere": text.replace("\n", "\n# of one\r\n"),
        "UTF-16": text.encode("utf-16"),
        "blanks and decimal commas": text.replace(",", "   ").replace(".", ","),
    }[kind]
    path = write(tmp_path, content)
    assert_array_equal(scanned(path, **READ[kind][1])[1], rows)
    assert_array_equal(read_by_the_shell(path, **READ[kind][1]).data, rows)


@pytest.mark.parametrize("name", ["x.tsv", "x.txt", "x.csv.gz", "x.tsv.gz", "x.TXT.GZ"])
def test_files_of_text_by_their_names(name, tmp_path):
    text = separated("\t").encode()
    content = gzip.compress(text) if name.lower().endswith("gz") else text
    path = write(tmp_path, content, name)
    assert_array_equal(read_by_the_shell(path).data, X)
    assert_array_equal(scanned(path)[1], X)
    assert_array_equal(scanned(tmp_path)[1], X)


def test_words_beside_tables_are_no_tables(tmp_path):
    pd.DataFrame(X, columns=["a", "b"]).to_parquet(tmp_path / "x.parquet")
    write(tmp_path, "Read me.\n", "README.txt")
    assert_array_equal(scanned(tmp_path)[1], X)


# Row names, blank lines, missing cells


def test_row_names_are_said_in_one_note(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
    frame.to_csv(tmp_path / "x.csv")
    done = call("fit", "x.csv", "-k", "1", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        "mixtura: note: the first column of x.csv has no name and is taken for the rows' names\n"
    )
    model = "mixtura-output/model.safetensors"
    assert mixtura.load(tmp_path / model).feature_names_in_.tolist() == ["a", "b"]
    assert succeeds("fit", "x.csv", "-k", "1", "-q", cwd=tmp_path) == ""
    out = call("predict", model, "x.csv", "--max-memory", "1MB", cwd=tmp_path)
    assert out.returncode == 2  # predict has no such option
    assert "rows' names" in call("predict", model, "x.csv", cwd=tmp_path).stderr


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n\n\n"])
def test_a_blank_line_in_one_column_is_a_missing_value_but_at_the_end(end, tmp_path, monkeypatch):
    path = write(tmp_path, "x\n1\n\n2\n  \n7\n3\n9" + end)
    message = fails("fit", path, cwd=tmp_path)
    assert f"{path}, line 3: the value in column 'x', data row 2, is missing;" in message
    rows = read_by_the_shell(path, drop_missing=True)
    assert rows.data[:, 0].tolist() == [1, 2, 7, 3, 9]
    assert rows.numbers.tolist() == [0, 2, 4, 5, 6]
    with pytest.raises(SourceError, match=r"line 3: the value of column 'x' in row 1 is missing"):
        mixtura.scan(path).blocks()
    monkeypatch.setattr(csv_reading, "_BLOCK", 2)
    assert scanned(path, drop_missing=True)[1][:, 0].tolist() == [1, 2, 7, 3, 9]


@pytest.mark.parametrize("end", ["", "\r\n", "\r\n\r\n\r\n"])
@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_line_ends_are_no_blank_lines_wherever_a_block_ends(block, end, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_reading, "_BLOCK", block)
    path = write(tmp_path, "x\r\n" + "\r\n".join(map(str, range(50))) + end)
    assert scanned(path)[1][:, 0].tolist() == list(range(50))


def test_decimal_commas_do_not_make_the_delimiter_doubtful(tmp_path):
    path = write(tmp_path, "a;b\n1,5;2\n3,2;4\n")
    message = fails("fit", path, cwd=tmp_path)
    assert "holds '1,5', not a number (a decimal comma" in message
    assert "would do as well" not in message


@pytest.fixture
def gappy(tmp_path):
    """A table in which rows 0, 7, 14, ... have a missing cell, and a model of the others."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.normal(size=(70, 2)) + 5 * rng.integers(0, 2, (70, 1)), columns=["a", "b"]
    )
    frame.loc[::14, "a"] = np.nan
    frame.loc[7::14, "b"] = np.nan
    frame["id"] = np.arange(70)
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_csv(tmp_path / "y.csv", index=False)
    return frame


@pytest.mark.parametrize("how", ["whole", "scanned", "parquet", "standard input"])
def test_rows_with_missing_cells_are_dropped_and_the_others_keep_their_numbers(
    how, gappy, tmp_path, monkeypatch
):
    complete = gappy.dropna()
    file = "x.parquet" if how == "parquet" else "x.csv"
    stdin = ""
    if how == "standard input":
        file, stdin = "-", (tmp_path / "x.csv").read_text()
    if how == "scanned":
        monkeypatch.setattr(rows_of_files, "SMALL", 10)
    options = ["--drop-missing", "--columns", "a,b"]
    done = call("fit", file, "-k", "2", *options, cwd=tmp_path, stdin=stdin)
    assert done.returncode == 0, done.stderr
    source = "standard input" if file == "-" else file
    assert done.stderr == (
        "mixtura: note: 10 rows have missing cells and are left out: data rows 1, 8, 15, 22, 29 and 5 "
        f"more of {source}\n"
    )
    table = pd.read_parquet(tmp_path / "mixtura-output/responsibilities.parquet")
    assert table["row"].tolist() == (complete.index + 1).tolist()
    theirs = mixtura.GaussianMixture(2, random_state=0, max_iter=1000, tol=1e-7).fit(
        complete[["a", "b"]]
    )
    model = tmp_path / "mixtura-output/model.safetensors"
    ours = mixtura.load(model)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-9)

    if file == "-":
        return
    arguments = ["predict", model, file, "--drop-missing", "--keep", "id", "--json"]
    done = call(*arguments, cwd=tmp_path)
    rows = json.loads(done.stdout)["rows"]
    assert [row["row"] for row in rows] == (complete.index + 1).tolist()
    assert [row["id"] + 1 for row in rows] == [row["row"] for row in rows]
    assert "10 rows have missing cells" in done.stderr
    assert "--drop-missing" in fails("predict", model, file, cwd=tmp_path)
    message = fails("predict", model, file, "--drop-missing", "--keep", "row", cwd=tmp_path, code=2)
    assert "--keep names 'row'" in message


def test_rows_that_are_dropped_in_several_files(gappy, tmp_path):
    files = ["x.csv", "y.csv"]
    done = call("fit", *files, "-k", "2", "--drop-missing", "--columns", "a,b", cwd=tmp_path)
    assert "20 rows have missing cells and are left out: data rows 1, " in done.stderr
    assert " of x.csv; data rows 1, " in done.stderr
    table = pd.read_parquet(tmp_path / "mixtura-output/responsibilities.parquet")
    numbers = gappy.dropna().index.to_numpy() + 1
    assert_array_equal(table["row"], np.concatenate([numbers, 70 + numbers]))


def test_a_source_that_drops_rows(gappy, tmp_path):
    complete = gappy.dropna()
    source = mixtura.scan(tmp_path / "x.csv", ["a", "b"], drop_missing=True, max_memory=0)
    gm = mixtura.GaussianMixture(2, random_state=0).fit(source)
    assert source.n_rows == len(complete)
    labels = np.concatenate(list(gm.predict(source)))
    assert_array_equal(labels, gm.predict(complete[["a", "b"]]))
    gm.predict_to(tmp_path / "out.parquet", source, keep=["id"])
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert table["row"].tolist() == table["id"].tolist() == complete.index.tolist()
    with pytest.raises(ValueError, match="keep names 'row'"):
        gm.predict_to(tmp_path / "out.parquet", source, keep=["row"])
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(SourceError, match="leave out drop_missing"):
        mixtura.scan(tmp_path / "x.npy", drop_missing=True)


def test_no_row_is_left(tmp_path):
    path = write(tmp_path, "a,b\n1,\n,2\n")
    message = fails("fit", path, "--drop-missing", cwd=tmp_path)
    assert message.startswith(f"{path}: every row has a missing cell")
    with pytest.raises(SourceError, match="has no rows"):
        mixtura.scan(path, drop_missing=True).blocks()


# What cannot be read

LONG = 'a,b\n1,"' + "x\n" * 3_000_000

#: What is in the file; what the shell says of it; what a source says, where it says something else.
UGLY = {
    "nothing": ("", "data.csv is empty; it needs a line of column names", None),
    "comments alone": ("# a\n# b\n", "data.csv holds no table; it needs a line", None),
    "names alone": ("a,b\n", "data.csv has column names but no rows", "data.csv has no rows"),
    "names without an end": (
        "a,b",
        "data.csv has column names but no rows",
        "data.csv has no rows",
    ),
    "numbers for names": (
        "1.5,2\n3,4\n",
        "the first line holds numbers (1.5, 2), not column",
        None,
    ),
    "a short row": (
        "a,b\n\n1,2\n3\n",
        "data.csv, line 4: data row 2 has 1 cell instead of 2: correct it, or say what stands",
        "data.csv, line 4: row 1 has 1 cell instead of 2",
    ),
    "a long row": (
        "# of May\na,b\n1,2\n3,4,5\n",
        "data.csv, line 4: data row 2 has 3 cells instead of 2",
        "data.csv, line 4: row 1 has 3 cells instead of 2",
    ),
    "cells after the last": (
        "a,b\n1,2,\n3,4,\n",
        "line 2: data row 1 has 3 cells instead of 2",
        "line 2: row 0 has 3 cells instead of 2",
    ),
    "commas for all": (
        "a,b\n1,5,2,5\n",
        "has 4 cells instead of 2: correct it, or say what stands between cells with --delimiter. "
        "Numbers with decimal commas need another delimiter",
        "Numbers with decimal commas need another delimiter",
    ),
    "text in one row": (
        "a,b\n1,2\n\n3,oops\n",
        "line 4: column 'b', data row 2, holds 'oops', not a number; correct it, or choose",
        None,
    ),
    "a quote that is not closed": (
        'a,b\n1,2\n3,"4\n5,6\n',
        "(a quote before it is not closed)",
        None,
    ),
    "a quote that is not closed in a long file": (LONG, "a quote", "a quote"),
    "NUL bytes": (
        "a,b\n1,2\n" + "3,4\n" * 2_000 + "5,\0\n",
        "(a NUL byte stands in it, so that the file may be damaged)",
        None,
    ),
    "NUL bytes at the beginning": ("a,b\n1,\0\n", "data.csv holds NUL bytes", None),
    "UTF-16 without a mark": (
        PLAIN.encode("utf-16-le"),
        "give --encoding 'utf-16-le'",
        "utf-16-le",
    ),
    "names in Latin-1": (
        "é,b\n1,2\n".encode("latin-1"),
        "line 1: the text is not in UTF-8; where it is in Latin-1 or Windows-1252, give --encoding 'latin-1'",
        "give encoding='latin-1'",
    ),
    "a value in Latin-1 far below": (
        b"a,b\n" + b"1,2\n" * 30_000 + b"1,\xe9\n",
        "nor text in UTF-8: give --encoding 'latin-1'",
        "nor text in UTF-8: give encoding='latin-1'",
    ),
    "two columns of one name": (
        "a,a\n1,2\n3,4\n",
        "data.csv has 2 columns 'a'; give each a name of its own",
        "has several columns 'a': give each its own name",
    ),
    "a column without a name": (
        "a,b,\n1,2,3\n",
        "data.csv: column 3 has no name; name it",
        "data.csv: column no. 3 has no name: name it",
    ),
    "decimal commas": (
        "a;b\n1;2,5\n",
        "column 'b', data row 1, holds '2,5', not a number (a decimal comma: give --decimal ','",
        None,
    ),
    "decimal commas everywhere": (
        "a;b\n1,5;2,5\n",
        "no column of numbers: column 'a' begins with '1,5' (a decimal comma: give --decimal ','",
        "no column of numbers: column 'a' begins with '1,5' (a decimal comma: give decimal=','",
    ),
    "decimal commas in one column": (
        "x\n1,5\n2,5\n",
        "such as 1,5, may be numbers with a decimal comma, or the name of a row and a number: give "
        "--decimal ',' or --delimiter ','",
        "give decimal=',' or delimiter=','",
    ),
    "commas and points": (
        "a;b\n1;2.5\n3;4,5\n",
        "line 3: column 'b', data row 2, holds '4,5', not a number (a decimal comma: give --decimal ',' if "
        "all numbers have one)",
        None,
    ),
    "dates": (
        "a,b\n1,2020-01-31\n",
        "line 2: column 'b', data row 1, holds 2020-01-31, not a number",
        None,
    ),
    "comments within": (
        "a,b\n1,2\n# no,3\n",
        "line 3: column 'a', data row 2, holds '# no', not a number (lines that are comments: give "
        "--comment '#')",
        "is '# no', not a number (lines that are comments: give comment='#')",
    ),
    "infinity": (
        "a,b\n1,2\n3,-inf\n",
        "the value in column 'b', data row 2, is infinite",
        "the value of column 'b' in row 1 is infinite",
    ),
    "a number beyond float64": ("a,b\n1,2\n3,1e999\n", "column 'b', data row 2, is infinite", None),
    "a missing cell": (
        "a,b\n1,2\n3,NA\n",
        "line 3: the value in column 'b', data row 2, is missing; leave such rows out with --drop-missing",
        "is missing: remove such rows, as with drop_missing=True",
    ),
    "two delimiters that would do": (
        "a b;c d\nx y;z w\nv u;s t\n",
        "data.csv has no column of numbers: column 'a b' begins with 'x y'",
        None,
    ),
    "a guess between delimiters": (
        "a;b,c\nx;y,z\n",
        "The delimiter was taken to be ';', but ',' would do as well: say which with --delimiter ','",
        "The delimiter was taken to be ';', but ',' would do as well: say which with delimiter=','",
    ),
    "a workbook": (
        b"PK\x03\x04rest",
        "is a ZIP archive or an Excel workbook: save it as CSV",
        None,
    ),
    "Parquet by another name": (b"PAR1rest", "is a Parquet file: give it a name", None),
    "cut short": (gzip.compress(PLAIN.encode() * 99)[:-20], "cut short or damaged", None),
}


def in_pythons_words(sentence):
    """Rows counted from 0, and the verb that the library has."""
    place = re.compile(r"column ('\w+'), data row (\d+),( holds)?")
    python = place.sub(
        lambda at: f"column {at[1]} in row {int(at[2]) - 1}{' is' if at[3] else ''}", sentence
    )
    return re.split("; |: give|column 'b' in row", python)[0]


def error_of_a_source(path):
    """What is said of all columns of numbers, or where text is among them, of these."""
    try:
        mixtura.scan(path).blocks()
    except SourceError as error:
        return str(error)
    with pytest.raises(SourceError) as caught:
        mixtura.scan(path, ["a", "b"]).blocks()
    return str(caught.value)


@pytest.mark.parametrize("kind", UGLY)
def test_what_cannot_be_read_is_one_true_sentence(kind, tmp_path):
    content, ours, theirs = UGLY[kind]
    path = write(tmp_path, content)
    message = fails("fit", "data.csv", "-k", "1", cwd=tmp_path)
    assert ours in message
    assert not re.search(r"CSV (parse|conversion)|Row #|codec|Arrow|column #|straddl", message)
    assert list(tmp_path.iterdir()) == [path]
    error = error_of_a_source(path)
    assert (theirs or in_pythons_words(ours)) in error
    assert not re.search(r"CSV (parse|conversion)|Row #|codec|Arrow|column #|straddl", error)


def test_numbers_of_many_digits_are_read_as_they_are_near_to(tmp_path):
    path = write(tmp_path, "a,b\n1,123456789012345678901234\n2,9007199254740993\n")
    assert read_by_the_shell(path).data[:, 1].tolist() == [
        float("123456789012345678901234"),
        2.0**53,
    ]
    assert scanned(path)[1][:, 1].tolist() == [float("123456789012345678901234"), 2.0**53]


def test_truth_is_a_number_in_the_shell_and_in_a_source(tmp_path):
    path = write(tmp_path, "a,b\n1,true\n2,false\n")
    assert read_by_the_shell(path).data.tolist() == [[1, 1], [2, 0]]
    assert scanned(path)[1].tolist() == [[1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--delimiter", ";;"], "--delimiter must be one character, such as ';'"),
        (["--delimiter", ","], None),
        (["--delimiter", "\\t"], None),
        (["--decimal", ";"], "--decimal must be '.' or ',', got ';'"),
        (["--delimiter", ",", "--decimal", ","], "--delimiter and decimal are both ','"),
        (["--skip", "-1"], "--skip is '-1', but must be a whole number of at least 0"),
        (["--comment", ""], "--comment must be what lines begin with"),
        (["--encoding", "latin-17"], "--encoding must be a name that Python knows"),
    ],
)
def test_options_of_reading_that_cannot_be_meant(options, message, tmp_path):
    write(tmp_path, PLAIN)
    if message is None:
        done = call("fit", "data.csv", "-k", "1", *options, "-q", cwd=tmp_path)
        assert "Traceback" not in done.stderr
        return
    assert message in fails("fit", "data.csv", *options, cwd=tmp_path, code=2)


def test_options_of_reading_in_every_command(tmp_path):
    rng = np.random.default_rng(0)
    text = "\n".join(f"{a:.3f};{b:.3f}" for a, b in rng.normal(size=(40, 2))).replace(".", ",")
    path = write(tmp_path, f"by hand\nété;b\n{text}\n% end\n".encode("latin-1"), "x.txt")
    how = {"skip": 1, "decimal": ",", "comment": "%", "encoding": "latin-1", "delimiter": ";"}
    options = shell_options(how)
    succeeds("fit", path, "-k", "1", *options, "-q", cwd=tmp_path)
    model = tmp_path / "mixtura-output/model.safetensors"
    assert mixtura.load(model).feature_names_in_.tolist() == ["été", "b"]
    succeeds("select", path, "-k", "1", "--covariance", "EEE", *options, "-q", cwd=tmp_path)
    ours = pd.read_csv(io.StringIO(succeeds("predict", model, path, *options, cwd=tmp_path)))
    assert len(ours) == 40
    source = mixtura.scan(path, **how)
    theirs = np.concatenate(list(mixtura.load(model).score_samples(source)))
    np.testing.assert_allclose(ours["log_density"], theirs)
