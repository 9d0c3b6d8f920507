/**
 * Readings from files into a topic: the shipped sets, a user's CSV, and the pace at which they go.
 *
 * <p>Must never enter: an operator or a topology. A replay writes what a sensor's gateway would
 * write, so that a pipeline cannot tell the two apart.
 *
 * <p>Decision: a bad row is counted and reported with its line, and the rows around it are sent; a
 * reading that is merely late or doubled is sent as it is, since refusing it is the pipeline's
 * task.
 */
package io.millrace.app.replay;
