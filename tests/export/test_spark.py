"""Spark's directories: what Spark saved is read, and Spark loads what we write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mixtura import GaussianMixture
from mixtura.export import from_spark, to_spark

pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")

STORED = Path(__file__).parents[1] / "data" / "export" / "spark"  # by pyspark 4.3.0: SCRIPT below
SAID = json.loads((STORED / "said.json").read_text())
X = np.array(SAID["rows"])

# Spark adds 2.2e-16 to every density, so that its probabilities differ a little.
OF_SPARK = 1e-9


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2)) + 5 * rng.integers(0, 2, (300, 1))
    return GaussianMixture(2, covariance_type="VEV", max_iter=77, random_state=0).fit(rows)


def test_what_spark_saved():
    model = from_spark(STORED / "model")
    assert_allclose(model.predict_proba(X), SAID["probability"], rtol=0, atol=OF_SPARK)
    for name in ("weights", "means", "covariances"):
        assert np.array_equal(getattr(model, f"{name}_"), SAID[name])
    assert (model.covariance_type, model.max_iter, model.n_features_in_) == ("full", 50, 2)


def test_the_form_is_sparks(model, tmp_path):
    """The table has Spark's columns, types and own description; the metadata its class and its parameters."""
    to_spark(model, tmp_path / "ours")

    def table(folder):
        (file,) = (folder / "data").glob("part-*.parquet")
        return pq.ParquetFile(file)

    ours, theirs = table(tmp_path / "ours"), table(STORED / "model")
    assert ours.schema_arrow.remove_metadata() == theirs.schema_arrow.remove_metadata()
    key = b"org.apache.spark.sql.parquet.row.metadata"
    described = [json.loads(file.schema_arrow.metadata[key]) for file in (ours, theirs)]
    assert described[0] == described[1]
    assert ours.metadata.num_rows == 1

    def metadata(folder):
        (file,) = (folder / "metadata").glob("part-*")
        return json.loads(file.read_text())

    own, their = metadata(tmp_path / "ours"), metadata(STORED / "model")
    assert own.keys() == their.keys()
    assert own["class"] == their["class"]
    assert own["paramMap"] == {"k": 2, "maxIter": 77}
    assert their["defaultParamMap"].items() - {"seed": 0}.items() >= own["defaultParamMap"].items()
    for part in ("data", "metadata"):
        assert (tmp_path / "ours" / part / "_SUCCESS").read_bytes() == b""


def test_a_folder_that_is_there_is_not_replaced(model, tmp_path):
    (tmp_path / "empty").mkdir()
    to_spark(model, tmp_path / "empty")
    from_spark(tmp_path / "empty")
    for path in (tmp_path / "empty", Path(__file__)):
        with pytest.raises(FileExistsError, match="it is there already; name another folder"):
            to_spark(model, path)
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere does not exist"):
        to_spark(model, tmp_path / "nowhere" / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_of_a_directory_that_cannot_be_finished_nothing_is_left(model, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match=f"cannot write {tmp_path}/model: No space left on device"):
        to_spark(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_directories_that_hold_something_else(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="does not exist; give a directory that Spark has saved"
    ):
        from_spark(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="it is a file"):
        from_spark(__file__)
    with pytest.raises(ValueError, match="it has no metadata"):
        from_spark(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(STORED / "model", copy)
    (file,) = (copy / "metadata").glob("part-*")
    text = file.read_text()
    file.write_text(text.replace("clustering.GaussianMixtureModel", "clustering.KMeansModel"))
    with pytest.raises(
        ValueError, match=r"holds a org\.apache\.spark\.ml\.clustering\.KMeansModel, not"
    ):
        from_spark(copy)
    file.write_text(text)
    (file,) = (copy / "data").glob("part-*")
    whole = file.read_bytes()
    for damaged, sentence in [
        (whole[:-20], "is damaged"),
        (b"", "its data have 0 rows"),
    ]:
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=sentence):
            from_spark(copy)
    pq.write_table(pa.table({"weights": [[1.0]], "mus": [[1.0]], "sigmas": [[1.0]]}), file)
    with pytest.raises(ValueError, match="its data hold no weights, mus and sigmas"):
        from_spark(copy)


def test_vectors_and_matrices_in_sparks_other_forms(tmp_path):
    """A mean of zeros may be stored as a sparse vector, a matrix by rows."""
    copy = tmp_path / "copy"
    shutil.copytree(STORED / "model", copy)
    (file,) = (copy / "data").glob("part-*")
    (row,) = pq.ParquetFile(file).read().to_pylist()
    row["mus"][0] = {"type": 0, "size": 2, "indices": [1], "values": [3.0]}
    row["sigmas"][0]["isTransposed"] = True
    pq.write_table(pa.Table.from_pylist([row], schema=pq.read_schema(file)), file)
    model = from_spark(copy)
    assert model.means_[0].tolist() == [0.0, 3.0]
    assert np.array_equal(model.covariances_, SAID["covariances"])


# In Spark itself

SCRIPT = """
import json, sys
import numpy as np
from pyspark.ml.clustering import GaussianMixture, GaussianMixtureModel
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
spark = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
rows = json.load(open("rows.json"))
frame = spark.createDataFrame([(Vectors.dense(row),) for row in rows], ["features"])

def said(model):
    rows = model.transform(frame).select("probability").collect()
    return {
        "probability": [row[0].toArray().tolist() for row in rows],
        "weights": list(model.weights),
        "means": [one.mean.toArray().tolist() for one in model.gaussians],
        "covariances": [one.cov.toArray().tolist() for one in model.gaussians],
        "version": spark.version,
    }

ours = GaussianMixtureModel.load("ours")
theirs = GaussianMixture(k=3, seed=1, maxIter=50, tol=1e-4).fit(frame)
theirs.save("theirs")
json.dump({"ours": said(ours), "theirs": said(theirs)}, open("said.json", "w"))
"""


@pytest.mark.nightly
def test_spark_loads_ours_and_we_load_sparks(tmp_path):
    """MIXTURA_SPARK names a Python that has pyspark; it may be another than this one."""
    python = os.environ.get("MIXTURA_SPARK")
    if not python or not shutil.which("java"):
        pytest.skip("needs Java and MIXTURA_SPARK=/path/of/a/python/that/has/pyspark")
    rng = np.random.default_rng(0)
    rows = (
        rng.normal(size=(300, 2))
        + 4.0 * np.array([[0, 0], [1, 2], [2, -1]])[rng.integers(0, 3, 300)]
    )
    model = GaussianMixture(3, covariance_type="EVE", random_state=0).fit(rows)
    to_spark(model, tmp_path / "ours")
    (tmp_path / "rows.json").write_text(json.dumps(rows.tolist()))
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [python, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads((tmp_path / "said.json").read_text())
    assert_allclose(said["ours"]["probability"], model.predict_proba(rows), rtol=0, atol=OF_SPARK)
    assert np.array_equal(said["ours"]["means"], model.mixture_.means)
    assert_allclose(said["ours"]["covariances"], model.mixture_.covariance_matrices(), rtol=0)
    theirs = from_spark(tmp_path / "theirs")
    assert_allclose(
        theirs.predict_proba(rows), said["theirs"]["probability"], rtol=0, atol=OF_SPARK
    )
    assert np.array_equal(theirs.means_, said["theirs"]["means"])
