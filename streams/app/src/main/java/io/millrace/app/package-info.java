/**
 * The command: demo, run, replay, inspect, topics, bench, and the page. Everything that meets a
 * person lives here, no algorithm does.
 */
package io.millrace.app;
