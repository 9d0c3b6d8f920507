/** Reads what a deployment has written: versions, states, dead letters. Changes nothing. */
package io.millrace.app.inspect;
