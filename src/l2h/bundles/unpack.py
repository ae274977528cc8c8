"""Verify a bundle, and extract it."""

import shutil
from pathlib import Path

from l2h.bundles import consistency
from l2h.bundles.archive import files, read_bundle_manifest, verified
from l2h.bundles.manifest import CURE
from l2h.errors import L2HError
from l2h.store.files import atomic


def unpack(path: str | Path, folder: str | Path) -> None:
    """Copy a bundle's files to `folder`, which appears only when all of them match the manifest and each other.

    Parameters
    ----------
    path : an archive, or a folder to which one was extracted

    Raises
    ------
    L2HError
        a file is damaged, missing or unexpected, or the files are inconsistent
    """
    path, folder = Path(path), Path(folder)
    manifest = read_bundle_manifest(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    size, free = sum(member.size for member in manifest.members.values()), shutil.disk_usage(folder.parent).free
    if size > free:
        raise L2HError(f"{path} takes {size} bytes, but {folder.parent} has only {free} left; free some space")
    with atomic(folder) as part:
        missing = dict(manifest.members)
        for name, found, blocks in files(path):
            member = manifest.expect(name, found, str(path))
            if missing.pop(name, None) is None:
                raise L2HError(f"{path} holds {name} twice; {CURE}")
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            with (part / name).open("xb") as file:
                file.writelines(verified(blocks, member, f"{path}: {name}"))
        if missing:
            raise L2HError(f"{path} lacks {', '.join(list(missing)[:5])}, which its manifest lists; {CURE}")
        try:
            consistency.check(part, manifest)
        except L2HError as error:
            raise L2HError(f"{path} is inconsistent: {str(error).replace(f'{part}/', '')}") from error
