/** What all commands share in front of their user: exit statuses, units, tables, log levels. */
@NullMarked
package dev.oxbow.app.console;

import org.jspecify.annotations.NullMarked;
