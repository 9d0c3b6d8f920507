/**
 * The topics that a pipeline needs: what is there, what is missing, what differs.
 *
 * <p>Must never enter: a silent change. A topic that exists is never altered; its differences are
 * said.
 */
package io.millrace.app.topics;
