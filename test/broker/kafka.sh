# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A real Apache Kafka node for tests: one KRaft process, broker and controller in one.
#
# The jars come from Maven by artifact name, once, into the cache folder. A node lives in a folder of its
# own: server.properties, data/, broker.pid, broker.log. Starting on a folder that has been used goes on with
# its data, also after SIGKILL. Uses $top, $cache, say and die of ./dev.

kafka_version=3.9.1
kafka_jars=$cache/kafka-$kafka_version

# Fills the jar folder; does nothing when it is complete.
broker_jars() {
    [ -e "$kafka_jars/complete" ] && return
    packages_install broker
    say "fetching Apache Kafka $kafka_version (46 MB, once) into $kafka_jars"
    local work
    work=$(mktemp -d "$cache/kafka.XXXXXX")
    sed "s/@KAFKA_VERSION@/$kafka_version/" "$top/test/broker/pom.xml" >"$work/pom.xml"
    mvn -q -B -ntp -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$work/jars" >"$work/log" 2>&1 ||
        die "Maven could not fetch Apache Kafka: $(grep -m1 ERROR "$work/log" || tail -n 1 "$work/log")"
    touch "$work/jars/complete"
    rm -rf "$kafka_jars"
    # Two first starts at a time: the second finds the folder there and uses it.
    mv -T "$work/jars" "$kafka_jars" 2>/dev/null || [ -e "$kafka_jars/complete" ] ||
        die "cannot write $kafka_jars"
    rm -rf "$work"
}

# The node's pid if it is alive and really the node of this folder; pids are used again.
broker_pid() {
    local dir=$1 pid
    pid=$(cat "$dir/broker.pid" 2>/dev/null) || return 1
    grep -qzF "$dir/server.properties" "/proc/$pid/cmdline" 2>/dev/null || return 1
    # A killed child of a script that does not wait stays as a zombie: it holds nothing any more.
    ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null || return 1
    echo "$pid"
}

broker_port() {
    sed -n 's|^advertised.listeners=PLAINTEXT://127.0.0.1:||p' "$1/server.properties" 2>/dev/null
}

port_answers() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Becomes a Kafka main class with the test node's heap, so that the caller's pid is the JVM's. In a session of
# its own: Ctrl-C in the caller's terminal must not end the node. C1 only by default: it starts faster.
kafka_java() {
    local compiler=-XX:TieredStopAtLevel=1
    [ "${TIDEMARK_BROKER_C2:-0}" = 0 ] || compiler=-XX:+TieredCompilation
    exec setsid java -Xms64m -Xmx256m -XX:+UseSerialGC "$compiler" -XX:MaxMetaspaceSize=128m \
        -XX:ReservedCodeCacheSize=64m -XX:MaxDirectMemorySize=64m -Xss512k -XX:+ExitOnOutOfMemoryError \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
        -Dorg.slf4j.simpleLogger.showDateTime=true \
        -cp "$kafka_jars/*" "$@"
}

# A short session: after SIGKILL the controller lets the node in again only when its old session has ended.
broker_properties() {
    local dir=$1 port=$2 controller=$3
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
log.cleaner.dedupe.buffer.size=4194304
queued.max.requests=32
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

# Formats the data folder of a new node.
broker_format() {
    local dir=$1 id
    # A cluster id is 16 random bytes in URL-safe base64; a leading A keeps it from looking like an option.
    id=A$(head -c 18 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-21)A
    (kafka_java kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties") \
        >"$dir/format.log" 2>&1 || die "formatting $dir failed: $(tail -n 1 "$dir/format.log")"
}

# Waits until the node serves; on failure prints what it said last.
broker_wait() {
    local dir=$1 port=$2 tries=1200
    until grep -qs 'Kafka Server started' "$dir/broker.log" && port_answers "$port"; do
        if ! broker_pid "$dir" >/dev/null || [ $((tries -= 1)) -eq 0 ]; then
            tail -n 20 "$dir/broker.log" >&2
            die "the Kafka node in $dir did not start; its log is $dir/broker.log"
        fi
        sleep 0.05
    done
}

# start DIR [PORT]: prints host:port when the node answers. Without PORT: the folder's own, else 29092.
broker_start() {
    local dir=$1 port=${2:-} own
    mkdir -p "$dir" "$cache"
    dir=$(cd "$dir" && pwd)
    packages_install java
    broker_jars
    own=$(broker_port "$dir" || true)
    port=${port:-${own:-29092}}
    [[ $port =~ ^[0-9]+$ && $port -ge 1024 && $port -le 65534 ]] || die "bad port $port: 1024 to 65534"
    if broker_pid "$dir" >/dev/null; then
        [ "$port" = "$own" ] || die "the node in $dir already runs, on port $own"
    else
        port_answers "$port" && die "port $port is taken; choose another"
        port_answers $((port + 1)) && die "port $((port + 1)) (controller) is taken; choose another"
        broker_properties "$dir" "$port" $((port + 1)) >"$dir/server.properties"
        [ -e "$dir/data/meta.properties" ] || broker_format "$dir"
        (kafka_java kafka.Kafka "$dir/server.properties") </dev/null >"$dir/broker.log" 2>&1 &
        echo $! >"$dir/broker.pid"
        disown
    fi
    broker_wait "$dir" "$port"
    echo "127.0.0.1:$port" | tee "$cache/last-broker"
}

# stop DIR: SIGTERM, then SIGKILL after ten seconds. A node that is gone already is no error.
broker_stop() {
    local dir=$1 pid tries=200
    [ -e "$dir/server.properties" ] || die "no Kafka node in $dir"
    dir=$(cd "$dir" && pwd)
    if pid=$(broker_pid "$dir"); then
        kill "$pid" 2>/dev/null || true
        while broker_pid "$dir" >/dev/null; do
            [ $((tries -= 1)) -ne 0 ] || kill -KILL "$pid" 2>/dev/null || true
            sleep 0.05
        done
    fi
    rm -f "$dir/broker.pid"
}

# topic NAME:PARTITIONS...: against TIDEMARK_BROKERS, else the last node started.
broker_topic() {
    local at=${TIDEMARK_BROKERS:-} tool=$top/build/test/broker/tidemark-topics
    [ -n "$at" ] || at=$(cat "$cache/last-broker" 2>/dev/null) || die "no broker was started: ./dev broker start DIR"
    [ -x "$tool" ] || build_target build test/broker/tidemark-topics
    "$tool" "$at" create "$@"
}
