"""Workbooks as spreadsheets write them, for tests: XLSX by its parts, and the old formats' container."""

import io
import struct
import zipfile
from xml.sax.saxutils import escape

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
    '<xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs>'
    "</styleSheet>"
)


class Day(float):
    """A day number that the sheet shows as a date."""


class Formula(str):
    """A formula with the value that the spreadsheet stored last: `Formula("=A1+1|42")`."""


def _cell(place, value):
    if value is None:
        return ""
    if isinstance(value, Day):
        return f'<c r="{place}" s="{1 if value.is_integer() else 2}"><v>{value!r}</v></c>'
    if isinstance(value, Formula):
        formula, _bar, stored = value.partition("|")
        return f'<c r="{place}" t="str"><f>{escape(formula[1:])}</f><v>{escape(stored)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def xlsx(*sheets, date1904=False, macros=False):
    """An XLSX of sheets `(name, rows)`; cells are None, text, numbers, Day or Formula."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr(
            "_rels/.rels",
            (
                f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_REL}/officeDocument" '
                'Target="xl/workbook.xml"/></Relationships>'
            ),
        )
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, (name, _r) in enumerate(sheets, 1)
        )
        told = '<workbookPr date1904="1"/>' if date1904 else "<workbookPr/>"
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}">{told}<sheets>{listed}</sheets></workbook>',
        )
        relations = "".join(
            f'<Relationship Id="rId{n}" Type="{_REL}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        relations += f'<Relationship Id="rIdS" Type="{_REL}/styles" Target="styles.xml"/>'
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_PACKAGE}">{relations}</Relationships>')
        archive.writestr("xl/styles.xml", _STYLES)
        if macros:
            archive.writestr("xl/vbaProject.bin", b"not run")
        for number, (_name, rows) in enumerate(sheets, 1):
            body = "".join(
                f'<row r="{r}">'
                + "".join(_cell(f"{chr(64 + c)}{r}", value) for c, value in enumerate(row, 1))
                + "</row>"
                for r, row in enumerate(rows, 1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
            )
    return out.getvalue()


def _directory(name, kind, child=0xFFFFFFFF, right=0xFFFFFFFF, start=0xFFFFFFFE, size=0):
    told = name.encode("utf-16-le") + b"\0\0" if name else b""
    return (
        told.ljust(64, b"\0")
        + struct.pack("<HBB", len(told), kind, 1)
        + struct.pack("<III", 0xFFFFFFFF, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def compound(streams):
    """A compound file (the container of XLS, and of an XLSX with a password) of streams `{name: bytes}`."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    padded = {name: raw.ljust(max(4096, -(-len(raw) // sector) * sector), b"\0") for name, raw in streams.items()}
    data, table, entries = b"", [0xFFFFFFFD, end], []
    table[1] = end
    for index, (name, raw) in enumerate(padded.items(), 1):
        first, count = len(table), len(raw) // sector
        table += [first + n + 1 for n in range(count - 1)] + [end]
        data += raw
        entries.append(
            _directory(name, 2, right=index + 1 if index < len(padded) else free, start=first, size=len(raw))
        )
    directory = (_directory("Root Entry", 5, child=1) + b"".join(entries)).ljust(sector, b"\0")
    assert len(directory) == sector
    assert len(table) <= 128
    fat = struct.pack("<128I", *(table + [free] * (128 - len(table))))
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
        + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
        + struct.pack("<109I", 0, *[free] * 108)
    )
    return header + fat + directory + data


def xls(rows):
    """An XLS (BIFF8) of one sheet of text and numbers."""

    def record(kind, body=b""):
        return struct.pack("<HH", kind, len(body)) + body

    cells = b""
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, (int, float)):
                cells += record(0x0203, struct.pack("<HHHd", r, c, 0, value))
            else:
                cells += record(0x0204, struct.pack("<HHHHB", r, c, 0, len(value), 1) + value.encode("utf-16-le"))
    bof = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    sheet = (
        record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
        + record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0))
        + cells
        + record(0x000A)
    )
    codepage = record(0x0042, struct.pack("<H", 1200))
    name = b"Sheet1"
    length = len(bof) + len(codepage) + (4 + 8 + len(name)) + 4
    bound = record(0x0085, struct.pack("<IBBBB", length, 0, 0, len(name), 0) + name)
    return compound({"Workbook": bof + codepage + bound + record(0x000A) + sheet})


def locked():
    """What an XLSX with a password is on disk."""
    return compound({"EncryptionInfo": bytes(64), "EncryptedPackage": bytes(512)})
