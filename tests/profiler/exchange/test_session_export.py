import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from profiler.errors import UnusableArguments
from profiler.exchange.json_export import export_json
from profiler.exchange.session_export import export_anonymous_session, export_session
from profiler.exchange.summary import summary_document
from profiler.records.quality import QualityRecord
from profiler.records.run_record import CellStatus, RunStatus, SessionEvent
from profiler.records.specification import LoadSettings, RequestClass, TraceSettings
from profiler.records.timing import RequestStatus
from profiler.session.claim import Claim
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter

PRIVATE = ("acme", "Zanzibar", "jdoe", "wikitext", "quarterly", "secret", "cafebabe", "/models", "imatrix-")


@pytest.fixture
def private(tmp_path, records):
    """A session with a private word wherever one can stand."""
    path = tmp_path / "acme.inferometer"
    quality = QualityRecord("wikitext-acme.txt", "cafebabe" * 8, 512, 100, 9.5, 0.1, 1.2, "Zanzibar base", "cafebabe" + "0" * 56)
    model = replace(
        records.model,
        name="Zanzibar 7B",
        path="/home/jdoe/models/acme-zanzibar.Q4_1.gguf",
        sha256="cafebabe" + "1" * 56,
        source_name="acme-zanzibar.F16.gguf",
        imatrix_name="imatrix-acme.dat",
        quality=quality,
    )
    trace = TraceSettings("C:\\Users\\jdoe\\quarterly.csv", "cafebabe" + "2" * 56, "azure")
    load = LoadSettings((RequestClass("chat", "trace", prompt_tokens="trace", trace=trace, requests=4),))
    specification = replace(records.specification, load=load, model=replace(records.specification.model, path=model.path))
    plan = {
        "title": "acme quarterly review",
        "models": {"paths": ["sample", model.path], "quality_text": "/home/jdoe/wikitext-acme.txt", "quant": ["Q4_1"]},
        "load": {"trace": "C:\\Users\\jdoe\\quarterly.csv", "concurrency": [1]},
        "trust": {"seed": 7},
    }
    machine = {"cpu": {"name": "Some CPU"}, "telemetry": [{"name": "rapl", "reason": "/sys/class/powercap is for root only"}]}
    with SessionWriter.create(path, plan=plan, machine=machine, title="acme quarterly review") as writer:
        writer.set_meta("notes", "secret")
        writer.set_meta("whatever", "secret")
        writer.add_model(model)
        reason = "/home/jdoe/models/acme-zanzibar.Q4_1.gguf could not be read."
        cell = records.cell(1, reason=reason)
        cell.configuration["model"] = "acme-zanzibar"
        writer.add_cell(cell)
        run = records.run(1, 1, specification=specification, facts=records.facts)
        writer.start_run(run)
        writer.add_requests(1, records.requests(RequestStatus.COMPLETED, RequestStatus.FAILED))
        writer.add_rows(1, "token", records.tokens(4))
        writer.add_rows(1, "step", records.steps(3))
        writer.add_samples(1, records.samples(1e8, 2e8))
        flags = ("odd: acme-zanzibar.Q4_1.gguf changed under ~/secret/acme.",)
        writer.update_run(replace(run, status=RunStatus.DONE, flags=flags, log_tail=("loading /home/jdoe/secret",)))
        writer.set_run_figures(1, records.figures(ttft_ms=10.5, output_tok_s=100.0))
        writer.set_cell_figures(1, records.figures(ttft_ms=42.5, output_tok_s=103.0), {"output_tok_s": (99.5, 106.5)})
        writer.update_cell(replace(cell, status=CellStatus.DONE))
        writer.add_event(SessionEvent("2026-01-02T03:04:05+00:00", "model made", "Q4_1 of acme-zanzibar.F16.gguf is ready.", 1))
        writer.add_event(
            SessionEvent("2026-01-02T03:04:06+00:00", "odd", "Zanzibar 7B was slow.", 1, None, {"name": "zanzibar 7b"})
        )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO tag VALUES ('customer', 'acme')")
        connection.execute("CREATE TABLE planted (text TEXT)")
        connection.execute("INSERT INTO planted VALUES ('secret')")
        connection.commit()
    return path


def exported(path, target, export):
    with SessionReader.open(path) as reader:
        export(reader, target)
    return target


def test_a_copy_holds_the_same(private, tmp_path):
    copy = exported(private, tmp_path / "copy.inferometer", export_session)
    with closing(sqlite3.connect(private)) as one, closing(sqlite3.connect(copy)) as other:
        for name, _ in list(one.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")):
            assert list(one.execute(f"SELECT * FROM {name}")) == list(other.execute(f"SELECT * FROM {name}"))
        for pragma in ("application_id", "user_version", "integrity_check"):
            assert one.execute(f"PRAGMA {pragma}").fetchone() == other.execute(f"PRAGMA {pragma}").fetchone()
    assert {file.name for file in tmp_path.iterdir()} == {"acme.inferometer", "copy.inferometer"}


def test_what_was_deleted_is_in_no_copy(private, tmp_path):
    with closing(sqlite3.connect(private)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE gone (text TEXT)")
        connection.executemany("INSERT INTO gone VALUES (?)", [("Ljubljana" * 100,)] * 50)
        connection.commit()
        connection.execute("DROP TABLE gone")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert b"Ljubljana" in private.read_bytes(), "it still lies in free pages"
    for export in (export_session, export_anonymous_session):
        assert b"Ljubljana" not in exported(private, tmp_path / f"{export.__name__}.inferometer", export).read_bytes()


def test_no_private_word_is_left(private, tmp_path):
    copy = exported(private, tmp_path / "copy.inferometer", export_anonymous_session)
    content = copy.read_bytes().lower()
    assert [word for word in PRIVATE if word.lower().encode() in content] == []
    assert [word for word in PRIVATE if word.lower().encode() in private.read_bytes().lower()] == list(PRIVATE), "they were there"


def test_all_that_was_measured_is_left(private, tmp_path):
    copy = exported(private, tmp_path / "copy.inferometer", export_anonymous_session)
    with SessionReader.open(private) as one, SessionReader.open(copy) as other:
        before, after = summary_document(one), summary_document(other)
        for name in ("metrics", "intervals", "requests", "tokens", "runs", "status", "classes"):
            assert before["cells"][0][name] == after["cells"][0][name]
        assert after["cells"][0]["config"] == before["cells"][0]["config"] | {"model": "model 1"}
        assert after["machine"] == before["machine"]
        raw, copied = one.run_data(1), other.run_data(1)
        assert (raw.requests == copied.requests).all()
        assert (raw.tokens == copied.tokens).all()
        assert (raw.steps == copied.steps).all()
        assert raw.samples.channels["process_rss_bytes"].tolist() == copied.samples.channels["process_rss_bytes"].tolist()
        (run,), (model,) = other.runs(), other.models()
        assert other.events()[0].sentence == "Q4_1 of source of model 1 is ready."
        assert other.events()[1].data == {"name": "model 1"}
        assert other.meta().keys() == one.meta().keys() - {"whatever"}
        assert other.plan() == {
            "title": "",
            "models": {"paths": ["sample", "model 1.gguf"], "quality_text": "text", "quant": ["Q4_1"]},
            "load": {"trace": "trace 1", "concurrency": [1]},
            "trust": {"seed": 7},
        }
    assert (model.name, model.path, model.source_name, model.architecture) == (
        "model 1",
        "model 1.gguf",
        "source of model 1",
        "llama",
    )
    assert model.quality is not None
    assert (model.quality.perplexity, model.quality.base_name) == (9.5, "base")
    assert run.log_tail == ()
    assert run.specification.load.classes[0].trace.path == "trace 1"
    assert run.flags == ("odd: model 1.gguf changed under (removed).",)


def test_one_file_stays_one_file(private, tmp_path):
    """Hashes are replaced, and the same by the same; in another copy by another."""
    hashes = []
    for number in range(2):
        copy = exported(private, tmp_path / f"{number}.inferometer", export_anonymous_session)
        with SessionReader.open(copy) as reader:
            hashes.append(reader.models()[0].sha256)
    assert len(set(hashes)) == 2
    assert all(len(each) == 64 for each in hashes)


def test_an_anonymous_copy_is_exported_like_any_session(private, tmp_path):
    copy = exported(private, tmp_path / "copy.inferometer", export_anonymous_session)
    exported(copy, tmp_path / "x.json", export_json)


def test_the_session_itself_and_one_being_written_are_never_replaced(private, tmp_path):
    before = private.read_bytes()
    with SessionReader.open(private) as reader:
        for export in (export_session, export_anonymous_session):
            with pytest.raises(UnusableArguments, match="the session itself"):
                export(reader, private, force=True)
        claim = Claim.take(tmp_path / "other.inferometer")
        try:
            with pytest.raises(UnusableArguments, match="being written"):
                export_session(reader, tmp_path / "other.inferometer", force=True)
        finally:
            claim.release()
        (tmp_path / "old.inferometer").write_bytes(before)
        with pytest.raises(UnusableArguments, match="--force"):
            export_session(reader, tmp_path / "old.inferometer")
        export_session(reader, tmp_path / "old.inferometer", force=True)
        with pytest.raises(UnusableArguments, match="never replaces"):
            export_json(reader, private, force=True)
    assert private.read_bytes() == before
