"""The words of Cypher: its functions, the words that start writing or administration, and its keywords.

Lists and nothing else; what a word is in a given query is for `syntax` to say.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _words(
    """
    abs acos all allShortestPaths any asin atan atan2 avg btrim ceil char_length character_length coalesce
    collect cos cosh cot coth count date date.realtime date.statement date.transaction date.truncate
    datetime datetime.fromEpoch datetime.fromEpochMillis datetime.realtime datetime.statement
    datetime.transaction datetime.truncate degrees distance duration duration.between duration.inDays
    duration.inMonths duration.inSeconds e elementId endNode exists exp extract filter floor haversin head
    id isEmpty isNaN keys labels last left length localdatetime localdatetime.realtime
    localdatetime.statement localdatetime.transaction localdatetime.truncate localtime localtime.realtime
    localtime.statement localtime.transaction localtime.truncate log log10 lower ltrim max min nodes none
    normalize nullIf percentileCont percentileDisc pi point point.distance point.withinBBox properties
    radians rand randomUUID range reduce relationships rels replace reverse right round rtrim shortestPath
    sign sin single sinh size split sqrt startNode stDev stDevP substring sum tail tan tanh time
    time.realtime time.statement time.transaction time.truncate timestamp toBoolean toBooleanList
    toBooleanOrNull toFloat toFloatList toFloatOrNull toInt toInteger toIntegerList toIntegerOrNull toLower
    toString toStringList toStringOrNull toUpper trim type upper valueType vector.similarity.cosine
    vector.similarity.euclidean
    """
)
"""Functions of Cypher 5, and of earlier versions that some engines keep, as their manuals spell them.

None reads a file, opens a connection or changes anything.
"""

PROCEDURES = frozenset(
    {
        "db.index.fulltext.queryNodes",
        "db.index.fulltext.queryRelationships",
        "db.index.vector.queryNodes",
        "db.index.vector.queryRelationships",
        "db.labels",
        "db.propertyKeys",
        "db.relationshipTypes",
        "db.schema.nodeTypeProperties",
        "db.schema.relTypeProperties",
        "db.schema.visualization",
        "dbms.components",
    }
)
"""Procedures that only read, whoever calls them and with whatever arguments."""

WRITING = _words(
    """
    ALTER CREATE DELETE DENY DETACH DROP FOREACH GRANT INSERT LOAD MERGE REMOVE RENAME REVOKE SET
    """
)
"""Words that start a clause or command that writes, administers or reads files.

Commands that no variable should be denied the name of (START, STOP, SHOW, USE, …) are not here: a reading
query's grammar has no place for them.
"""

KEYWORDS = _words(
    """
    ALL AND ANY AS ASC ASCENDING BY CALL CASE COLLECT CONTAINS DESC DESCENDING DISTINCT ELSE END ENDS EXISTS
    FALSE IN IS LIMIT MATCH NONE NOT NULL OFFSET ON OPTIONAL OR ORDER RETURN SINGLE SKIP STARTS THEN TRUE
    UNION UNWIND USING WHEN WHERE WITH XOR YIELD
    """
)
"""Keywords of reading queries. A variable may be spelt like one, but is better not."""
