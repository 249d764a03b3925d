/**
 * What a service has in hand, whatever it is: ids, owners, pages, and the end of all. And the turns
 * of a loop that works on it.
 */
@NullMarked
package dev.oxbow.service.work;

import org.jspecify.annotations.NullMarked;
