/** Tests of accounts. */
@NullMarked
package dev.oxbow.service.quota;

import org.jspecify.annotations.NullMarked;
