package dev.oxbow.fdpassing.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Fails each test of the class that leaves a descriptor open, and shows which. Stand it above other
 * extensions of the class (such as {@code VertxExtension}), so that they clean up before it looks.
 * What {@code @BeforeAll} opens is not counted.
 */
@Inherited
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(DescriptorLeakExtension.class)
public @interface DescriptorLeaks {}
