"""A database in memory for FiftyOne, where its own, MongoDB, is not there.

MongoDB is no Python package: FiftyOne's fetches it from its maker's site. mongomock keeps a database in a process, and
lacks the two things that are added here: the stage `$merge` of a pipeline, and `$rand`, which is given to new samples.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import mongoengine.connection
import mongomock
import pymongo
from mongomock import aggregate, gridfs

__all__ = ["use_database_in_memory"]


class _Client(mongomock.MongoClient):  # type: ignore[misc]
    """A client of the one database, whatever it is asked to connect to."""

    _closed = False
    _everything = mongomock.store.ServerStore()

    def __init__(self, **_: Any) -> None:
        super().__init__("localhost", _store=self._everything)


def use_database_in_memory() -> None:
    """Let pymongo and mongoengine, and so FiftyOne, speak to a database of this process; call it before its import."""
    os.environ |= {"FIFTYONE_DATABASE_URI": "mongodb://memory", "FIFTYONE_DATABASE_VALIDATION": "false"}
    pymongo.MongoClient = _Client
    mongoengine.connection.MongoClient = _Client
    gridfs.enable_gridfs_integration()
    aggregate._PIPELINE_HANDLERS["$merge"] = _merge
    parse = aggregate._Parser.parse
    aggregate._Parser.parse = lambda self, value: 0.5 if value == {"$rand": {}} else parse(self, value)


def _merge(documents: Iterable[Mapping[str, Any]], database: Any, options: Mapping[str, Any] | str) -> list[Any]:
    """Write documents into a collection, as MongoDB's stage `$merge` does for those that are there."""
    wanted = {"into": options} if isinstance(options, str) else dict(options)
    collection = database[wanted.pop("into")]
    if wanted.get("whenMatched", "merge") != "merge" or wanted.get("on", "_id") != "_id":
        raise NotImplementedError(wanted)
    inserts = wanted.get("whenNotMatched", "insert") == "insert"
    for document in documents:
        changed = {name: value for name, value in document.items() if name != "_id"}
        collection.update_one({"_id": document["_id"]}, {"$set": changed}, upsert=inserts)
    return []
