"""The errors in the cells of a sheet, such as #N/A: the library that reads workbooks gives them as empty cells."""

from __future__ import annotations

import posixpath
import re
import zipfile
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree as ET

from headrace.errors import FileUnreadable

if TYPE_CHECKING:
    from pathlib import Path

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REFERENCE = re.compile(r"([A-Z]+)([0-9]+)")


def errors_in(path: Path, sheet: str) -> dict[tuple[int, int], str] | None:
    """Each error by its row, from 1, and its column, from 0; None where the kind of file does not tell. Raises FileUnreadable."""
    try:
        with zipfile.ZipFile(path) as book:
            names = set(book.namelist())
            if "xl/workbook.xml" not in names:
                return None
            part = _part(book, sheet)
            if part not in names:
                return None
            with book.open(part) as stream:
                return _errors(stream) if _has_errors(book, part) else {}
    except zipfile.BadZipFile:
        return None
    except (ET.ParseError, KeyError, ValueError, OSError) as error:
        raise FileUnreadable(f"the sheet {sheet} of {path.name} is damaged: {str(error)[:100]}") from error


def _part(book: zipfile.ZipFile, sheet: str) -> str:
    """Where in the file the sheet is."""
    book_xml = ET.fromstring(book.read("xl/workbook.xml"))  # noqa: S314 - the library has read it before
    key = next((one.get(_RELATION) for one in book_xml.iter(f"{_MAIN}sheet") if one.get("name") == sheet), None)
    links = ET.fromstring(book.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    target = next((one.get("Target", "") for one in links if one.get("Id") == key), "")
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))


def _has_errors(book: zipfile.ZipFile, part: str) -> bool:
    """Whether there is one at all, which most sheets have not: a look at the bytes instead of a parse."""
    tail = b""
    with book.open(part) as stream:
        while block := stream.read(1 << 20):
            if b't="e"' in tail + block or b"t='e'" in tail + block:
                return True
            tail = block[-8:]
    return False


def _errors(stream: IO[bytes]) -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = {}
    for _, element in ET.iterparse(stream):  # noqa: S314
        if element.tag == f"{_MAIN}c" and element.get("t") == "e":
            if place := _REFERENCE.fullmatch(element.get("r", "")):
                column = 0
                for letter in place[1]:
                    column = column * 26 + ord(letter) - 64
                found[int(place[2]), column - 1] = (element.findtext(f"{_MAIN}v") or "#?").strip()
        elif element.tag == f"{_MAIN}row":
            element.clear()
    return found
