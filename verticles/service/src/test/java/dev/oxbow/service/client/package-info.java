/** Tests of the client against a service that does nothing. */
@NullMarked
package dev.oxbow.service.client;

import org.jspecify.annotations.NullMarked;
