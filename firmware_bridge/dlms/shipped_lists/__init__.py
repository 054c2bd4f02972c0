"""DLMS lists that come with Meterline: a TOML file for each country.

They are in the format of a gateway's own files. `firmware_bridge.dlms.list_files` reads them; this
package has no code.
"""
