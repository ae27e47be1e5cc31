/* LVGL has what is private in a header of its own; the stubs have none. */
