/**
 * What runs an operator on any engine: the catalogue, the step from bytes to bytes, the keeper of
 * hot state, and the settings of a deployment.
 *
 * <p>Must never enter: an engine, a network library, a logger.
 */
package io.millrace.runtime;
