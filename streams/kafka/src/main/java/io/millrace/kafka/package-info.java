/**
 * The Kafka Streams adapter: topology, the store that writes hot state at the right moment, and the
 * follower of model topics. Knows no algorithm.
 */
package io.millrace.kafka;
