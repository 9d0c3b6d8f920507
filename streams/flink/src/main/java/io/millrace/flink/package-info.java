/**
 * The Flink adapter: jobs, the operator that keeps hot state on the heap between checkpoints,
 * followed models, and the runs of a deployment in this process or in a cluster. Knows no
 * algorithm. Everything that goes into a job graph is a name or a setting.
 */
package io.millrace.flink;
