/**
 * The page that shows what the pipelines do: a feed that follows their topics as any other consumer
 * would, and a small server that hands the newest picture to browsers.
 *
 * <p>Must never enter: anything a pipeline depends on. The dashboard only watches; it can be slow,
 * wrong or absent and no record is processed differently. It reads topics rather than operators'
 * memory, so the same page shows a pipeline in this process, in another one, or on another engine.
 *
 * <p>Every collection here is bounded: sensor names, dictionaries and dead letters come from
 * outside and may be hostile in number and in size.
 */
package io.millrace.app.dashboard;
