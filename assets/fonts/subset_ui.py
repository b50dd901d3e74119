"""Subsets the fonts of the window; see README.md.

Input: a folder with the unpacked Debian packages, a folder with the unpacked icon package; output: a folder.
"""

import pathlib
import subprocess
import sys
import tempfile

from fontTools.ttLib import TTFont

LETTERS = (
    "U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+0259,U+02BC,U+02C6-02DD,U+0300-0304,U+0306-030C,U+0327,U+0328,"
    "U+0370-03FF,U+0400-052F,U+1E80-1E85,U+1E9E,U+1EF2,U+1EF3,U+2000-206F,U+2070-209C,U+20A0-20C0,U+2100-214F,"
    "U+2150-218F,U+2190-21FF,U+2200-22FF,U+2300-2335,U+23CE,U+23E9-23FA,U+2422-2423,U+2460-2473,U+2500-259F,"
    "U+25A0-25FF,U+2600-2606,U+2610-2612,U+2713-2718,U+2776-277F,U+27E8-27E9,U+2A2F,U+FB01-FB02,U+FFFD"
)
PUNCTUATION = "U+2014,U+2018-2019,U+201C-201D,U+2026,U+3000-303F,U+FF00-FFEF,U+FE30-FE4F,U+00B7,U+2E3A"


def gb2312(first_row: int, last_row: int) -> str:
    """The code points of rows of GB 2312: 0xB0 to 0xD7 is level 1, 0xA1 to 0xF7 is everything."""
    points = []
    for high in range(first_row, last_row + 1):
        for low in range(0xA1, 0xFF):
            try:
                points.append(ord(bytes([high, low]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return ",".join(f"U+{point:04X}" for point in points)


def preset(font: TTFont, features: list[str]) -> None:
    """Makes the letters of single substitutions the ones that characters find first."""
    gsub = font["GSUB"].table
    letters = {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag not in features:
            continue
        for index in record.Feature.LookupListIndex:
            for subtable in gsub.LookupList.Lookup[index].SubTable:
                subtable = getattr(subtable, "ExtSubTable", subtable)
                letters |= getattr(subtable, "mapping", {})
    for table in font["cmap"].tables:
        table.cmap = {point: letters.get(glyph, glyph) for point, glyph in table.cmap.items()}


def subset(source: pathlib.Path, target: pathlib.Path, unicodes: str, *options: str) -> None:
    """Keeps `unicodes` of `source`."""
    fixed = ["--no-hinting", "--notdef-outline", "--name-IDs=*", "--drop-tables+=DSIG"]
    command = [sys.executable, "-m", "fontTools.subset", str(source), f"--unicodes={unicodes}", *fixed]
    subprocess.check_call([*command, f"--output-file={target}", *options])


def main() -> None:
    """Makes all files."""
    debian, icons, out = map(pathlib.Path, sys.argv[1:4])
    fonts = debian / "usr/share/fonts"
    for face in ("Regular", "SemiBold"):
        font = TTFont(fonts / f"opentype/inter/Inter-{face}.otf")
        preset(font, ["cv11", "tnum"])
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "inter.otf"
            font.save(source)
            target = out / f"Inter-{face}.otf"
            subset(source, target, LETTERS, "--layout-features=kern,mark,mkmk,ccmp,locl")
    mono = fonts / "truetype/jetbrains-mono/JetBrainsMono-Regular.ttf"
    subset(mono, out / mono.name, LETTERS, "--layout-features=mark,mkmk,ccmp,locl")
    for face, rows in (("Regular", (0xA1, 0xF7)), ("Bold", (0xB0, 0xD7))):
        source = fonts / f"opentype/noto/NotoSansCJK-{face}.ttc"
        letters = f"{gb2312(*rows)},{PUNCTUATION}"
        target = out / f"NotoSansSC-{face}.otf"
        subset(source, target, letters, "--font-number=2", "--layout-features=locl,ccmp")
    for source, target in (("regular/Phosphor.ttf", "Phosphor-Regular.ttf"), ("fill/Phosphor-Fill.ttf", "Phosphor-Fill.ttf")):
        subset(icons / "src" / source, out / target, "U+E000-F8FF", "--layout-features=", "--drop-tables+=GSUB")


if __name__ == "__main__":
    main()
