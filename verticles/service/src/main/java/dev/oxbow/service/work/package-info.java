/** What a service has in hand, whatever it is: ids, owners, pages, and the end of all. */
@NullMarked
package dev.oxbow.service.work;

import org.jspecify.annotations.NullMarked;
