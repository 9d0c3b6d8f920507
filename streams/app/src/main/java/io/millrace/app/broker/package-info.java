/**
 * A real Kafka broker in this process, so that the demo and the tests need no installation.
 *
 * <p>Must never enter: anything of a pipeline. The broker knows no topic of ours; what runs against
 * it runs against any cluster.
 *
 * <p>Decision: the broker's own classes ({@code KafkaRaftServer}) rather than a look-alike, so that
 * transactions, compaction and group protocol are the real ones.
 */
package io.millrace.app.broker;
