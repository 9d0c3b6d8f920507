/**
 * Real processes: a broker, the application, and signals that kill them.
 *
 * <p>Must never enter: a check that needs no process; it belongs to the module that it checks.
 * Waiting is for a condition with a deadline, never for a time.
 */
package io.millrace.it;
