/**
 * The clients of the federated demo as processes, the aggregator as another, and somebody who
 * judges every version by images that no client has. Whatever is killed is started again, and finds
 * its work where it was.
 *
 * <p>Must never enter: what a round decides; and anything that a client of somebody else would not
 * be able to do with {@link io.millrace.client.FederatedClient} alone.
 */
package io.millrace.app.cohort;
