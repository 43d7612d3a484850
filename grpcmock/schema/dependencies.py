"""Which files import which: what follows from a fault in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Dependencies:
    """The import graph of a layout, by names."""

    def __init__(self, imports: Mapping[str, Iterable[str]]) -> None:
        self._imports = imports
        self._importers: dict[str, list[str]] = {}
        for name, imported in imports.items():
            for other in imported:
                self._importers.setdefault(other, []).append(name)

    def importers(self, name: str) -> list[str]:
        """Return the files that import a file directly."""
        return self._importers.get(name, [])

    def behind(self, name: str) -> list[str]:
        """Return all that a file imports, directly or not, and itself: each after what it imports."""
        ordered: dict[str, None] = {}
        entered = {name}
        pending = [(name, iter(self._imports.get(name, ())))]
        while pending:
            current, imported = pending[-1]
            for other in imported:
                if other not in entered:
                    entered.add(other)
                    pending.append((other, iter(self._imports.get(other, ()))))
                    break
            else:
                pending.pop()
                ordered[current] = None
        return list(ordered)

    def upon(self, names: Iterable[str]) -> set[str]:
        """Return the files that import one of *names*, directly or not, and those themselves."""
        found = set(names)
        pending = list(found)
        while pending:
            for importer in self.importers(pending.pop()):
                if importer not in found:
                    found.add(importer)
                    pending.append(importer)
        return found

    def circles(self) -> list[list[str]]:
        """Return the circles in which files import themselves, each once: the first file stands at the end, too."""
        found: list[list[str]] = []
        done: set[str] = set()
        for start in self._imports:
            if start in done:
                continue
            trail = [start]
            pending = [iter(self._imports.get(start, ()))]
            while pending:
                following = next(pending[-1], None)
                if following is None:
                    pending.pop()
                    done.add(trail.pop())
                elif following in trail:
                    found.append([*trail[trail.index(following) :], following])
                elif following not in done:
                    trail.append(following)
                    pending.append(iter(self._imports.get(following, ())))
        return found
