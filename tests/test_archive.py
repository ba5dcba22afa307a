"""Archives arrive whole over bad lines, or not at all with a message that says what to do."""

import base64
import hashlib
import io
import stat
import struct
import threading
import zipfile
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.fetching import archive, transfer, zip_entries
from sensegen.fetching.archive import ArchiveError, Request
from sensegen.fetching.mirror import MIRROR_VARIABLE
from sensegen.fetching.transfer import NotThere, Patience, TransferError
from sensegen.source import Archive, Member, Source

CONTENT = {"set/one.txt": b"1 2 3\n" * 5000, "set/two.txt": bytes(range(256)) * 2000}
QUICK = Patience(attempts=4, timeout_seconds=2.0, pause_seconds=0.01)
INNER = "the set.zip"


class Server(ThreadingHTTPServer):
    """Serves `files` on loopback; `faults` are taken one a request: "500", "break", "whole", "refuse"."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], faults: list[str] | None = None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults = files, list(faults or [])
        self.version = '"v1"'
        self.login: str | None = None
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        fault = self.server.faults.pop(0) if self.server.faults else ""
        body = self.server.files.get(self.path)
        if fault in ("500", "403", "503"):
            self.send_error(int(fault))
        elif self.server.login and self.headers.get("Authorization") != self.server.login:
            self.send_error(401)
        elif body is None:
            self.send_error(404)
        else:
            self.answer(body, fault)

    def answer(self, body: bytes, fault: str) -> None:
        start = self.start_of_range() if fault != "whole" else 0
        if start and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("ETag", self.server.version)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = start + (len(body) - start) // 2 if fault == "break" else len(body)
        self.wfile.write(body[start:end])

    def start_of_range(self) -> int:
        asked = self.headers.get("Range")
        if asked is None or self.headers.get("If-Range", self.server.version) != self.server.version:
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))


@contextmanager
def serving(files: dict[str, bytes], faults: list[str] | None = None):
    with Server(files, faults) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def zipped(content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in content.items():
            file.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def source(url: str, content: dict[str, bytes] = CONTENT) -> Source:
    members = tuple(Member(name, hashlib.sha256(data).hexdigest()) for name, data in content.items())
    published = Archive("outer.zip", url, members, inside=INNER)
    return Source("c", "l", "p", {}, (), (), 1.0, archives=(published,))


def request(tmp_path: Path, url: str = "http://127.0.0.1:9/outer.zip", patience: Patience = QUICK) -> Request:
    return Request("made", source(url), tmp_path / "downloads", patience, lambda done, total, text: None)


def put_in_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, name: str = INNER) -> None:
    (tmp_path / "mirror" / "made").mkdir(parents=True)
    (tmp_path / "mirror" / "made" / name).write_bytes(data)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))


def files_under(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch):
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)


# --- transfer


def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path):
    data = bytes(range(256)) * 4000
    with serving({"/file": data}, faults=["break"]) as server:
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
        resumed = server.requests[1][1]
    assert (tmp_path / "file").read_bytes() == data
    assert resumed is not None and 0 < int(resumed.removeprefix("bytes=").removesuffix("-")) <= len(data) // 2
    assert sorted(files_under(tmp_path)) == ["file"]


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(tmp_path):
    data = bytes(range(256)) * 4000
    with serving({"/file": data}, faults=["break"]) as server:
        with pytest.raises(TransferError, match=r"in 1 attempts \(download.attempts\).*bytes are kept"):
            transfer.transfer(f"{server.url}/file", tmp_path / "file", Patience(1, 2.0), lambda *_: None)
        assert not (tmp_path / "file").exists()
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
        assert server.requests[1][1] is not None
    assert (tmp_path / "file").read_bytes() == data


def test_a_server_that_ignores_ranges_is_read_from_the_start(tmp_path):
    data = bytes(range(256)) * 4000
    with serving({"/file": data}, faults=["break", "whole"]) as server:
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
    assert (tmp_path / "file").read_bytes() == data


def test_halves_of_two_versions_are_never_joined(tmp_path):
    old, new = b"old " * 100_000, b"new " * 100_000
    with serving({"/file": old}, faults=["break"]) as server:
        with pytest.raises(TransferError):
            transfer.transfer(f"{server.url}/file", tmp_path / "file", Patience(1, 2.0), lambda *_: None)
        server.files["/file"], server.version = new, '"v2"'
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
    assert (tmp_path / "file").read_bytes() == new


def test_a_part_that_is_already_whole_is_taken_as_it_is(tmp_path):
    (tmp_path / "file.part").write_bytes(b"whole")
    with serving({"/file": b"whole"}) as server:
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "file.part").write_bytes(b"of another, longer file")
    with serving({"/file": b"whole"}) as server:
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_server_error_is_tried_again(tmp_path):
    with serving({"/file": b"x"}, faults=["500", "503"]) as server:
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
        assert len(server.requests) == 3
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize(("fault", "error"), [("403", TransferError), ("", NotThere)])
def test_a_refusal_is_not_tried_again(tmp_path, fault, error):
    with serving({}, faults=[fault]) as server:
        with pytest.raises(error, match=r"403|404"):
            transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
        assert len(server.requests) == 1


def test_progress_counts_up_to_the_length(tmp_path):
    seen = []
    with serving({"/file": b"x" * 300_000}) as server:
        transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *told: seen.append(told))
    assert seen[-1] == (300_000, 300_000, "file")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


@given(failures=st.integers(1, 12))
def test_pauses_grow_and_stay_bounded(failures):
    patience = Patience(5, 1.0, pause_seconds=1.0)
    longest = min(transfer.LONGEST_PAUSE_SECONDS, 2.0 ** (failures - 1))
    assert longest / 2 <= patience.pause(failures) <= longest


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_told_and_not_tried_again(tmp_path):
    (tmp_path / "file.part").symlink_to("/dev/full")
    with serving({"/file": b"x" * 300_000}) as server:
        with pytest.raises(OSError, match="No space left"):
            transfer.transfer(f"{server.url}/file", tmp_path / "file", QUICK, lambda *_: None)
        assert len(server.requests) == 1
    assert not (tmp_path / "file").exists()


# --- fetch


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("nested", [True, False])
def test_members_come_out_of_the_official_archive(tmp_path, nested, compression):
    data = zipped(CONTENT, compression)
    with serving({"/outer.zip": zipped({INNER: data}, compression) if nested else data}) as server:
        archive.fetch(request(tmp_path, f"{server.url}/outer.zip"), tmp_path / "raw")
    assert files_under(tmp_path / "raw") == CONTENT
    assert files_under(tmp_path / "downloads") == {}


@pytest.mark.parametrize("name", [INNER, "outer.zip"])
def test_a_mirror_folder_may_hold_the_outer_or_the_inner_archive(tmp_path, monkeypatch, name):
    data = zipped(CONTENT)
    put_in_mirror(tmp_path, monkeypatch, data if name == INNER else zipped({INNER: data}), name)
    archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path / "raw") == CONTENT
    assert (tmp_path / "mirror" / "made" / name).exists()


def test_a_mirror_may_be_an_address(tmp_path, monkeypatch):
    with serving({"/data/made/outer.zip": zipped({INNER: zipped(CONTENT)})}) as server:
        monkeypatch.setenv(MIRROR_VARIABLE, f"{server.url}/data/")
        archive.fetch(request(tmp_path), tmp_path / "raw")
        assert [path for path, _ in server.requests] == ["/data/made/the%20set.zip", "/data/made/outer.zip"]
    assert files_under(tmp_path / "raw") == CONTENT


def test_entries_that_are_not_declared_stay_inside(tmp_path, monkeypatch):
    put_in_mirror(tmp_path, monkeypatch, zipped(CONTENT | {"set/extra.txt": b"not asked for"}))
    archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path / "raw") == CONTENT


def test_a_wrong_checksum_names_the_member_and_both_sums(tmp_path, monkeypatch):
    put_in_mirror(tmp_path, monkeypatch, zipped(CONTENT | {"set/two.txt": b"tampered"}))
    must, got = (hashlib.sha256(data).hexdigest() for data in (CONTENT["set/two.txt"], b"tampered"))
    with pytest.raises(ArchiveError, match=rf"set/two\.txt must have sha256 {must}, but has {got}"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert set(files_under(tmp_path / "raw")) == {"set/one.txt"}


def test_a_bad_archive_that_was_transferred_is_fetched_anew_by_the_next_run(tmp_path):
    with serving({"/outer.zip": zipped({"set/one.txt": b"tampered"})}) as server:
        asked = request(tmp_path, f"{server.url}/outer.zip")
        with pytest.raises(ArchiveError, match="sha256"):
            archive.fetch(asked, tmp_path / "raw")
        server.files["/outer.zip"] = zipped(CONTENT)
        archive.fetch(asked, tmp_path / "raw")
    assert files_under(tmp_path / "raw") == CONTENT


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_zip_is_refused(tmp_path, monkeypatch, share):
    data = zipped(CONTENT)
    put_in_mirror(tmp_path, monkeypatch, data[: int(share * len(data))])
    with pytest.raises(ArchiveError, match="truncated or no zip"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    "name", ["../out.txt", "set/../../out.txt", "/out.txt", "C:/out.txt", "..\\out.txt", "\\\\host\\share\\out.txt"]
)
def test_an_entry_that_leads_out_of_the_folder_is_refused(tmp_path, monkeypatch, name):
    put_in_mirror(tmp_path, monkeypatch, zipped(CONTENT | {name: b"x"}))
    with pytest.raises(ArchiveError, match="leads out of its folder"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_a_symbolic_link_is_refused(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        link = zipfile.ZipInfo("set/one.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    put_in_mirror(tmp_path, monkeypatch, buffer.getvalue())
    with pytest.raises(ArchiveError, match="symbolic link"):
        archive.fetch(request(tmp_path), tmp_path / "raw")


def declare_size(data: bytes, name: str, size: int) -> bytes:
    """The archive with another uncompressed size in the entry's central header (24 bytes in; the name at 46)."""
    at = data.rindex(name.encode()) - 46
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


@pytest.mark.parametrize("size", [10, 600_000])
def test_a_member_that_is_not_as_long_as_declared_is_refused(tmp_path, monkeypatch, size):
    data = declare_size(zipped(CONTENT, zipfile.ZIP_DEFLATED), "set/two.txt", size)
    put_in_mirror(tmp_path, monkeypatch, data)
    with pytest.raises(ArchiveError):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert "set/two.txt" not in files_under(tmp_path / "raw")


def test_a_member_of_absurd_size_is_refused_before_a_byte_is_written(tmp_path, monkeypatch):
    put_in_mirror(tmp_path, monkeypatch, declare_size(zipped(CONTENT), "set/one.txt", 3 << 30))
    with pytest.raises(ArchiveError, match="declares 3,221,225,472 bytes"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path / "raw") == {}


def bomb(name: str) -> bytes:
    """A real zip bomb: 64 MiB of zeros in 64 KiB."""
    return zipped({name: bytes(64 << 20)}, zipfile.ZIP_DEFLATED)


def test_a_zip_bomb_is_refused_before_a_byte_is_written(tmp_path, monkeypatch):
    data = bomb("set/one.txt")
    assert len(data) < 70_000
    put_in_mirror(tmp_path, monkeypatch, data)
    with pytest.raises(ArchiveError, match=r"set/one\.txt would unpack to 1,0\d\d times its size \(67,108,864 bytes\)"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path) == {"mirror/made/the set.zip": data}


def test_a_zip_bomb_inside_the_archive_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    data = bomb(INNER)
    put_in_mirror(tmp_path, monkeypatch, data, "outer.zip")
    with pytest.raises(ArchiveError, match=r"the set\.zip would unpack to 1,0\d\d times its size"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path) == {"mirror/made/outer.zip": data}


def test_a_zip_bomb_that_declares_little_gives_no_more_than_that(tmp_path, monkeypatch):
    data = declare_size(bomb("set/one.txt"), "set/one.txt", 100_000)
    given = 0
    with zipfile.ZipFile(io.BytesIO(data)) as zipped_bomb, pytest.raises((ArchiveError, zipfile.BadZipFile)):
        for chunk in zip_entries.bytes_of(zipped_bomb, "set/one.txt"):
            given += len(chunk)
    assert given <= 100_000
    put_in_mirror(tmp_path, monkeypatch, data)
    with pytest.raises(ArchiveError):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path / "raw") == {}


def test_an_archive_too_large_as_a_whole_is_refused_though_each_member_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_entries, "LARGEST_TOTAL_BYTES", 500_000)
    put_in_mirror(tmp_path, monkeypatch, zipped(CONTENT))
    with pytest.raises(ArchiveError, match="would unpack to 542,000 bytes, which no dataset does"):
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_a_bomb_that_nobody_asked_for_stays_packed(tmp_path, monkeypatch):
    content = CONTENT | {"set/extra.txt": bytes(64 << 20)}
    put_in_mirror(tmp_path, monkeypatch, zipped(content, zipfile.ZIP_DEFLATED))
    archive.fetch(request(tmp_path), tmp_path / "raw")
    assert files_under(tmp_path / "raw") == CONTENT


def test_every_file_of_an_archive_without_known_checksums_is_taken_and_a_bomb_is_not(tmp_path, monkeypatch):
    whole = Archive("outer.zip", "http://127.0.0.1:9/outer.zip", (), inside=INNER)
    good = {"the set/a.csv": b"1,2", "b.csv": b"3", "readme.txt": b"", "__MACOSX/._a.csv": b"x"}
    put_in_mirror(tmp_path, monkeypatch, zipped({INNER: zipped(good)}), "outer.zip")
    archive.fetch_unchecked(request(tmp_path), whole, tmp_path / "raw", suffix=".csv")
    assert files_under(tmp_path / "raw") == {"the set/a.csv": b"1,2", "the set/b.csv": b"3"}
    (tmp_path / "mirror" / "made" / "outer.zip").write_bytes(zipped({INNER: bomb("the set/a.csv")}))
    with pytest.raises(ArchiveError, match="times its size"):
        archive.fetch_unchecked(request(tmp_path), whole, tmp_path / "bomb", suffix=".csv")
    assert not (tmp_path / "bomb").exists()


def test_a_missing_member_is_named(tmp_path, monkeypatch):
    put_in_mirror(tmp_path, monkeypatch, zipped({"set/one.txt": CONTENT["set/one.txt"]}))
    with pytest.raises(ArchiveError, match=r"holds no set/two\.txt"):
        archive.fetch(request(tmp_path), tmp_path / "raw")


def test_a_mirror_that_does_not_exist_is_named_with_what_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ArchiveError, match=r"nowhere is no folder; looked for .*the set\.zip and .*outer\.zip"):
        archive.fetch(request(tmp_path), tmp_path / "raw")


def test_a_mirror_of_another_scheme_is_not_taken_for_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, "htp://mirror.example/data")
    with pytest.raises(ArchiveError, match=r"htp://mirror\.example/data must be a folder, or begin with http://"):
        archive.fetch(request(tmp_path), tmp_path / "raw")


def test_a_mirror_address_without_the_archive_is_named(tmp_path, monkeypatch):
    with serving({}) as server:
        monkeypatch.setenv(MIRROR_VARIABLE, server.url)
        with pytest.raises(ArchiveError, match=r"SENSEGEN_MIRROR=http.*looked for .*the%20set\.zip"):
            archive.fetch(request(tmp_path), tmp_path / "raw")


def test_a_mirror_that_asks_for_a_password_gets_it_and_nobody_else_does(tmp_path, monkeypatch, caplog):
    name = f"/made/{INNER.replace(' ', '%20')}"
    with serving({name: zipped(CONTENT)}, ["500", "403"]) as server:
        server.login = f"Basic {base64.b64encode(b'me:se/cret').decode()}"
        monkeypatch.setenv(MIRROR_VARIABLE, server.url.replace("://", "://me:se%2Fcret@"))
        with pytest.raises(TransferError, match="403") as refused:
            archive.fetch(request(tmp_path), tmp_path / "raw")
        archive.fetch(request(tmp_path), tmp_path / "raw")
    assert "attempt 2 follows" in caplog.text
    assert "cret" not in caplog.text + str(refused.value) + str(refused.value.__cause__)
    assert not [path for path, data in files_under(tmp_path).items() if b"cret" in data or "cret" in path]


def test_no_network_names_the_simulated_preset_and_the_mirror_variable(tmp_path):
    with Server({}) as closed:
        url = f"{closed.url}/outer.zip"
    with pytest.raises(TransferError, match="make run PRESET=simulated") as told:
        archive.fetch(request(tmp_path, url), tmp_path / "raw")
    assert "SENSEGEN_MIRROR" in str(told.value) and "refused" in str(told.value)


@given(share=st.floats(0, 1), value=st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_one_changed_byte_never_lets_a_wrong_member_through(tmp_path_factory, share, value):
    tmp_path = tmp_path_factory.mktemp("changed")
    data = bytearray(zipped(CONTENT, zipfile.ZIP_DEFLATED))
    data[int(share * (len(data) - 1))] = value
    with pytest.MonkeyPatch.context() as monkeypatch, suppress(ArchiveError):
        put_in_mirror(tmp_path, monkeypatch, bytes(data))
        archive.fetch(request(tmp_path), tmp_path / "raw")
    for name, content in files_under(tmp_path / "raw").items():
        assert content == CONTENT[name]
