"""The smallest PDF that shows one JPEG: for engines that write images but no PDF."""

from __future__ import annotations

from minisym.core.errors import FormatError


def page_of_jpeg(photo: bytes, dpi: int = 192) -> bytes:
    """Return a PDF of one page, as large as the JPEG is at `dpi` dots an inch."""
    width, height, channels = _size(photo)
    wide, high = width * 72 / dpi, height * 72 / dpi
    colours = {1: "DeviceGray", 3: "DeviceRGB"}[channels]
    drawing = f"q {wide:.2f} 0 0 {high:.2f} 0 0 cm /Im Do Q".encode()
    image = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
        f"/ColorSpace /{colours} /BitsPerComponent 8 /Filter /DCTDecode"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {wide:.2f} {high:.2f}] "
            "/Resources << /XObject << /Im 4 0 R >> >> /Contents 5 0 R >>"
        ).encode(),
        _stream(image, photo),
        _stream("", drawing),
    ]
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        file += b"%010d 00000 n \n" % place
    file += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
    )
    return bytes(file)


def _stream(dictionary: str, content: bytes) -> bytes:
    head = f"<< {dictionary} /Length {len(content)} >>".encode()
    return head + b"\nstream\n" + content + b"\nendstream"


def _size(photo: bytes) -> tuple[int, int, int]:
    """Read width, height and number of channels off a JPEG's frame header."""
    place = 2
    while place + 9 < len(photo) and photo[place] == 0xFF:
        marker, length = photo[place + 1], int.from_bytes(photo[place + 2 : place + 4])
        if marker in (0xC0, 0xC1, 0xC2):
            height = int.from_bytes(photo[place + 5 : place + 7])
            width = int.from_bytes(photo[place + 7 : place + 9])
            return width, height, photo[place + 9]
        place += 2 + length
    message = "this is no JPEG"
    raise FormatError(message)
