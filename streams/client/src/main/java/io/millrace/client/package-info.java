/**
 * A client of federated learning, for any Java program that trains: a task in, an update out.
 *
 * <p>{@link io.millrace.client.FederatedClient} is the protocol: it takes records and gives records
 * to send, knows no Kafka, no clock and no thread, and keeps what must survive a crash in a {@link
 * io.millrace.client.ClientStore}. A {@link io.millrace.client.FederationTransport} carries the
 * records: over Kafka, or over the HTTP gateway where a client cannot speak Kafka. {@link
 * io.millrace.client.TrainingRound} joins the two.
 *
 * <p>Must never enter: engines, the runtime, a server, a logger; randomness that does not follow
 * from the task and the client, but for the secrets of masks.
 */
package io.millrace.client;
