/** The program as one that is replaced in place: who starts the next process, and who is told. */
@NullMarked
package dev.oxbow.app.upgrade;

import org.jspecify.annotations.NullMarked;
