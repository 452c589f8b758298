# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema written from the format table: its shape, and what it accepts and refuses.

Uses the standard library only; the part of JSON Schema 2020-12 that the schema uses is judged here.
"""
import json
import re
import subprocess
import sys

schema = json.loads(subprocess.run([sys.argv[1], '--schema'], check=True, capture_output=True).stdout)
DEFS = schema['$defs']
KNOWN = {
    '$schema', '$defs', '$ref', 'title', 'description', 'type', 'properties', 'patternProperties',
    'additionalProperties', 'propertyNames', 'required', 'oneOf', 'anyOf', 'items', 'enum', 'const',
    'default', 'pattern', 'minimum', 'maximum', 'minItems', 'minProperties', 'x-built',
}
TYPES = {
    'object': dict, 'array': list, 'string': str, 'boolean': bool, 'number': (int, float),
    'integer': int, 'null': type(None),
}


def resolve(ref):
    node = schema
    assert ref.startswith('#/'), ref
    for part in ref[2:].split('/'):
        node = node[part]
    return node


def is_type(value, name):
    if isinstance(value, bool):
        return name == 'boolean'
    return isinstance(value, TYPES[name])


def valid_object(value, rule):
    properties = rule.get('properties', {})
    patterns = rule.get('patternProperties', {})
    for key, item in value.items():
        rules = [properties[key]] if key in properties else []
        rules += [sub for pattern, sub in patterns.items() if re.search(pattern, key)]
        if not rules:
            rules = [rule.get('additionalProperties', True)]
        if not all(valid(item, sub) for sub in rules):
            return False
        if not valid(key, rule.get('propertyNames', True)):
            return False
    return (all(key in value for key in rule.get('required', []))
            and len(value) >= rule.get('minProperties', 0))


def valid(value, rule):
    if isinstance(rule, bool):
        return rule
    if '$ref' in rule and not valid(value, resolve(rule['$ref'])):
        return False
    if 'anyOf' in rule and not any(valid(value, sub) for sub in rule['anyOf']):
        return False
    if 'oneOf' in rule and sum(valid(value, sub) for sub in rule['oneOf']) != 1:
        return False
    if 'const' in rule and (value != rule['const'] or isinstance(value, bool) != isinstance(rule['const'], bool)):
        return False
    if 'enum' in rule and value not in rule['enum']:
        return False
    if 'type' in rule:
        names = rule['type'] if isinstance(rule['type'], list) else [rule['type']]
        if not any(is_type(value, name) for name in names):
            return False
    if isinstance(value, str) and 'pattern' in rule and not re.search(rule['pattern'], value):
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < rule.get('minimum', value) or value > rule.get('maximum', value):
            return False
    if isinstance(value, list):
        if len(value) < rule.get('minItems', 0) or not all(valid(item, rule.get('items', True)) for item in value):
            return False
    return valid_object(value, rule) if isinstance(value, dict) else True


def walk(rule, path):
    """Only keywords that are judged above, and no reference into nothing."""
    if isinstance(rule, bool):
        return
    assert set(rule) <= KNOWN, (path, set(rule) - KNOWN)
    if '$ref' in rule:
        resolve(rule['$ref'])
    for name in ('properties', 'patternProperties', '$defs'):
        for key, sub in rule.get(name, {}).items():
            walk(sub, f'{path}/{key}')
    for name in ('anyOf', 'oneOf'):
        for sub in rule.get(name, []):
            walk(sub, path)
    for name in ('items', 'additionalProperties', 'propertyNames'):
        if name in rule:
            walk(rule[name], path)
    if 'pattern' in rule:
        re.compile(rule['pattern'])


walk(schema, '')
assert schema['$schema'] == 'https://json-schema.org/draft/2020-12/schema'

# Every key of the format's description (runtime/pipeline is not asked what it knows).
TOP = '''version name checkpointLocation vars conf plugins connections source sources tables streams steps query
    sink sinks deadLetter trigger delivery epoch state latency runtime restart allowUnsafeChange log progress http
    tests'''.split()
SECTIONS = {
    'source': 'format connection schema options watermark rateLimit id parallelism',
    'table': 'format connection schema options refresh id',
    'stream': 'from steps query id ttl union byName allowMissingColumns',
    'step': '''select selectExpr filter where withColumns withColumnRenamed drop withWatermark groupBy agg
        dropDuplicates dropDuplicatesWithinWatermark distinct join union repartition coalesce sample fillna dropna
        sort orderBy limit map flatMap lookup process score id onError parallelism core onOverdue ttl late''',
    'sink': '''from steps format connection outputMode every partitionBy options delivery recordId retry onError
        id''',
    'deadLetter': 'format connection options partitionBy delivery retry limit id',
    'trigger': 'continuous processingTime availableNow once realTime',
    'epoch': 'deadline maxInFlight align retain',
    'state': 'memory ttl keyGroups fullEvery compression',
    'latency': 'budget from',
    'runtime': '''parallelism workers cores pin idle spinFor ring fuse batchMax io maxRecordSize lockMemory''',
    'runtime.workers': 'min initial max',
    'restart': 'policy max within backoff',
    'log': 'level format',
    'progress': 'every file topic rotate',
    'http': 'listen tokenFile',
    'test': 'name source advanceWatermark expect',
    'retry': 'max backoff maxBackoff',
    'schema': 'file infer',
    'join': 'other how using condition',
    'lookup': 'plugin options timeout capacity ordered',
    'process': 'command ordered',
    'score': 'model runtime features column',
    'sample': 'fraction seed',
    'repartition': 'columns numPartitions',
    'withWatermark': 'column delay idleTimeout',
    'union': 'other byName allowMissingColumns',
    'plugin': 'path sha256',
}
assert sorted(schema['properties']) == sorted(TOP), set(schema['properties']) ^ set(TOP)
for section, keys in SECTIONS.items():
    assert sorted(DEFS[section]['properties']) == sorted(keys.split()), (
        section, set(DEFS[section]['properties']) ^ set(keys.split()))
    assert DEFS[section]['additionalProperties'] is False

right = {
    'version': 1, 'name': 'fraud-scoring', 'checkpointLocation': 'cp', 'plugins': ['fraud_score.so'],
    'connections': {'main': {'kafka.bootstrap.servers': '${env:B:-localhost:9092}'}},
    'source': {'format': 'kafka', 'connection': 'main', 'options': {'subscribe': 't', 'startingOffsets': {'t': {'0': 1}}}},
    'steps': [
        {'select': 'tx.*', 'id': 'parse', 'onError': 'deadLetter'},
        {'filter': {'plugin': 'p', 'options': {'a': 1}}},
        {'where': 'a > 0'},
        {'groupBy': ['a'], 'agg': ['count(*) AS n'], 'ttl': '1 day', 'core': 3},
        {'join': {'other': 'm', 'how': 'LEFT', 'using': ['a']}},
        {'withColumns': {'a': 'b'}, 'x-why': 'because'},
    ],
    'sinks': {'out': {'format': 'mine', 'outputMode': 'Update', 'every': '8 seconds', 'recordId': 'header'}},
    'deadLetter': {'format': 'kafka', 'options': {'topic': 'd'}, 'limit': '100/s'},
    'trigger': {'continuous': '100 ms'}, 'latency': {'budget': '10 ms', 'from': 'event_time'},
    'runtime': {'parallelism': 'auto', 'workers': {'max': 2}, 'cores': [2, 3], 'ring': '256KiB', 'pin': '${var:p}'},
    'conf': {'spark.sql.session.timeZone': 'UTC', 'spark.sql.ansi.enabled': False},
    'log': {'level': 'debug'}, 'epoch': None, 'x-note': {'anything': [1]},
}
assert valid(right, schema)

WRONG = [
    {'triger': {}},
    {'version': 2},
    {'source': {'options': {}}},
    {'source': {'format': 'rate', 'fromat': 1}},
    {'sources': {'1a': {'format': 'rate'}}},
    {'steps': [{'select': 'a', 'filter': 'b'}]},
    {'steps': [{'id': 'x'}]},
    {'steps': [{'selct': 'a'}]},
    {'steps': {'select': 'a'}},
    {'trigger': {}},
    {'trigger': {'continuous': '1s', 'once': True}},
    {'trigger': {'once': False}},
    {'runtime': {'batchMax': 0}},
    {'runtime': {'batchMax': 257}},
    {'runtime': {'pin': 'yes'}},
    {'runtime': {'idle': 'sleepy'}},
    {'conf': {'spark.sql.shuffle.partitions': 3}},
    {'sink': {'format': 'console', 'outputMode': 'upsert'}},
    {'delivery': 'atMostOnce'},
    {'plugins': 'x.so'},
    {'plugins': [{'path': 'x.so', 'sha256': 'abc'}]},
]
for change in WRONG:
    assert not valid({**right, **change}, schema), change
print('schema: %d definitions' % len(DEFS))
