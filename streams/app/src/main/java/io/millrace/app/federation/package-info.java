/**
 * A real task for federated learning, small enough for a laptop: images, a perceptron in plain
 * Java, their division among clients, and what clients do that are not honest. Deterministic: the
 * same seed gives the same bits everywhere. No broker, no thread, no clock.
 */
package io.millrace.app.federation;
