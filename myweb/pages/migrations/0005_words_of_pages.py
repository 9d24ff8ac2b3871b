import myweb.pages.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pages", "0004_old_addresses"),
    ]

    operations = [
        migrations.AlterField(
            model_name="page",
            name="is_published",
            field=models.BooleanField(
                default=True,
                help_text="Without this, the page is hidden, and so are the pages below it.",
                verbose_name="shown to visitors",
            ),
        ),
        migrations.AlterField(
            model_name="page",
            name="publish_from",
            field=models.DateTimeField(
                blank=True, help_text="Leave it empty to show the page at once.", null=True, verbose_name="shown from"
            ),
        ),
        migrations.AlterField(
            model_name="page",
            name="publish_until",
            field=models.DateTimeField(
                blank=True, help_text="Leave it empty to keep the page for good.", null=True, verbose_name="shown until"
            ),
        ),
        migrations.AlterField(
            model_name="page",
            name="slug",
            field=myweb.pages.fields.AddressField(
                blank=True,
                help_text="The last part of the page's address, for example “about-us”. The home page has none: it is shown at the site's own address.",
                max_length=100,
                verbose_name="address",
            ),
        ),
    ]
