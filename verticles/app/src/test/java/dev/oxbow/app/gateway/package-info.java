/** Tests of the gateway: its tuns, their names, what it says of them. */
@NullMarked
package dev.oxbow.app.gateway;

import org.jspecify.annotations.NullMarked;
