"""One split of RecBole atomic files, written as hopwise and as Footpath read it.

The latest tenth of a user's interactions is test, the tenth before it valid, the rest train; by the time, then by the
line. Footpath reads the set in a column `split`, hopwise in files of their own. Links of items that nobody chose are
left out: hopwise takes none.
"""

import pathlib
import shutil

NAME = "data"
SETS = ["train", "valid", "test"]


def write(source, work):
    """The two folders, ours and theirs."""
    ours, theirs = work / "ours", work / "theirs" / NAME
    for folder in [ours, theirs]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    header, *lines = only(source, "inter").read_text(encoding="utf-8").splitlines()
    columns = [column.split(":")[0] for column in header.split("\t")]
    sets = split(lines, columns.index("user_id"), columns.index("timestamp"))
    items = {line.split("\t")[columns.index("item_id")] for line in lines}
    for folder in [ours, theirs]:
        shutil.copyfile(only(source, "kg"), folder / f"{NAME}.kg")
        links(only(source, "link"), items, folder / f"{NAME}.link")
    with open(ours / f"{NAME}.inter", "w", encoding="utf-8") as file:
        print(header, "split:token", sep="\t", file=file)
        for line, which in zip(lines, sets):
            print(line, which, sep="\t", file=file)
    for wanted in SETS:
        with open(theirs / f"{NAME}.{wanted}.inter", "w", encoding="utf-8") as file:
            print(header, file=file)
            file.writelines(f"{line}\n" for line, which in zip(lines, sets) if which == wanted)
    return ours, theirs


def links(source, items, target):
    header, *lines = source.read_text(encoding="utf-8").splitlines()
    item = [column.split(":")[0] for column in header.split("\t")].index("item_id")
    kept = [line for line in lines if line.split("\t")[item] in items]
    target.write_text("\n".join([header, *kept, ""]), encoding="utf-8")


def only(folder, suffix):
    found = list(pathlib.Path(folder).glob(f"*.{suffix}"))
    if len(found) != 1:
        raise SystemExit(f"{folder}: {len(found)} files *.{suffix}, expected one")
    return found[0]


def split(lines, user, time):
    of_user = {}
    for number, line in enumerate(lines):
        fields = line.split("\t")
        of_user.setdefault(fields[user], []).append((float(fields[time]), number))
    sets = [None] * len(lines)
    for log in of_user.values():
        held_out = len(log) // 10
        for place, (_, number) in enumerate(sorted(log)):
            left = len(log) - place
            sets[number] = "test" if left <= held_out else "valid" if left <= 2 * held_out else "train"
    return sets
