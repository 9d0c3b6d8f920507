/**
 * {@code millrace federated}: what the owner of federated models does. Publishes a first version,
 * tells the time, admits clients, rolls back; and checks from the log alone that every version is
 * what it says.
 *
 * <p>Must never enter: what a client does, and anything that decides on a round.
 */
package io.millrace.app.federated;
