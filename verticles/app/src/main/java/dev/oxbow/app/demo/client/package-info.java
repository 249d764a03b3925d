/**
 * The clients of the demo, many in one process: it takes orders on standard input and tells events
 * on standard output, one a line. They use java.net only and know nothing of Splicer.
 */
@NullMarked
package dev.oxbow.app.demo.client;

import org.jspecify.annotations.NullMarked;
